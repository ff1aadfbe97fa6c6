// Files and folders that are dropped on the page.

import { part } from "./dom.js";

/**
 * Call `take(files, skipped)` when files are dropped anywhere on the page. Each file is {file,
 * name}; the name of a file from a dropped folder includes its path. `skipped` are the names of the
 * files in dropped folders that cannot be read.
 */
export function startDropping(take, suffixes) {
  const veil = part("drop");
  let depth = 0;
  const show = (isOver) => {
    depth = isOver ? depth + 1 : Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  };
  document.addEventListener("dragenter", (event) => holdsFiles(event) && show(true));
  document.addEventListener("dragleave", (event) => holdsFiles(event) && show(false));
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    const found = await filesOf(event.dataTransfer, suffixes());
    const files = found.filter(({ file }) => file !== null);
    const skipped = found.filter(({ file }) => file === null).map(({ name }) => name);
    take(files, skipped);
  });
}

function holdsFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

async function filesOf(transfer, suffixes) {
  const plain = [...transfer.files].map((file) => ({ file, name: file.name }));
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  const found = await Promise.all(entries.map((entry) => walked(entry, "", suffixes)));
  return found.flat();
}

/**
 * The files of an entry. As on the command line, hidden files in a folder are left out. A file in a
 * folder that is not supported, or that the browser cannot read, is null.
 */
async function walked(entry, folder, suffixes) {
  const name = folder + entry.name;
  if (folder && entry.name.startsWith(".")) return [];
  if (entry.isDirectory) {
    const inside = await Promise.all(
      (await children(entry)).map((child) => walked(child, `${name}/`, suffixes)),
    );
    return inside.flat();
  }
  if (folder && !suffixes.some((suffix) => name.toLowerCase().endsWith(suffix)))
    return [{ file: null, name }];
  const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(
    () => null,
  );
  return [{ file, name }];
}

async function children(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) =>
      reader.readEntries(resolve, reject),
    ).catch(() => []);
    if (!some.length) return all;
    all.push(...some);
  }
}
