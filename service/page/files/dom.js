// Elements. Text from a document or a user is always inserted as text, never as markup.

const NOTES_SHOWN = 5;

/**
 * An element with attributes and children. A child that is a string becomes a text node. An
 * attribute that is a function listens to the event in its name ("onclick"). Attributes and
 * children that are null, undefined or false are left out.
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value === true ? "" : value);
  }
  node.append(
    ...children
      .flat()
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/** An icon from the sprite in index.html, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
  svg.firstChild.setAttribute("href", `#${name}`);
  return svg;
}

/**
 * Text from a document or a user. It has its own direction, left to right or right to left, and
 * cannot change the direction of the text around it.
 */
export function foreign(tag, text, attributes = {}) {
  return element(tag, { dir: "auto", ...attributes }, text);
}

/** The title of a document, and the name of its file if it differs. */
export function titleView({ title, file_name }) {
  const name = file_name && file_name !== title ? file_name : null;
  return [
    foreign("span", title, { class: "title" }),
    name && " ",
    name && foreign("span", name, { class: "file-name" }),
  ];
}

/** What of a file is not in the text of its document, a sentence each. The first are shown. */
export function notesView(notes) {
  const list = (shown) => shown.map((note) => foreign("li", note));
  const more = notes.slice(NOTES_SHOWN);
  return element(
    "div",
    { class: "notes" },
    element("ul", { "aria-label": "Not in the text" }, list(notes.slice(0, NOTES_SHOWN))),
    more.length > 0 &&
      element(
        "details",
        {},
        element("summary", {}, `${more.length} more`),
        element("ul", {}, list(more)),
      ),
  );
}

/** The element with that id in index.html. */
export function part(id) {
  return document.getElementById(id);
}

let announcements = 0;

/** Announce a text to screen readers. */
export function announce(text) {
  const announcer = part("announcer");
  const number = ++announcements;
  announcer.textContent = "";
  setTimeout(() => {
    if (number === announcements) announcer.textContent = text;
  }, 60);
}

/** Copy text to the clipboard, and show the result on the button. */
export async function copyFrom(button, text) {
  const label = button.querySelector("span");
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Could not copy";
  }
  announce(label.textContent);
  setTimeout(() => {
    label.textContent = before;
  }, 1800);
}
