// The dialog that lists the collection's documents and adds new ones.

import { listDocuments, unreadFiles } from "./api.js";
import { element, foreign, part, titleView } from "./dom.js";
import { counted, day, size } from "./words.js";

const PAGE = 200;
const LISTED = 100;

/** The dialog with the documents. */
export class Library {
  constructor(uploads) {
    this.uploads = uploads;
    this.dialog = part("library");
    this.found = [];
    this.loads = 0;
    part("open-library").addEventListener("click", () => this.open());
    part("close-library").addEventListener("click", () => this.dialog.close());
    part("more-documents").addEventListener("click", () => this.load(this.cursor));
    part("find").addEventListener("input", () => this.show());
    part("choose").addEventListener("click", () => part("files").click());
    part("files").addEventListener("change", ({ target }) => {
      this.take([...target.files].map((file) => ({ file, name: file.name })));
      target.value = "";
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog || event.target.closest("a[href^='/documents/']"))
        this.dialog.close();
    });
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
    this.load(null);
    this.showUnread();
  }

  /** List the files of synced folders that are not read. */
  async showUnread() {
    try {
      const { unread, unread_count } = await unreadFiles();
      part("unread").replaceChildren(unreadView(unread, unread_count, "of the synced folders"));
    } catch {
      part("unread").replaceChildren(); // The list of documents shows what is wrong.
    }
  }

  /**
   * Add files, with the tags that are typed in the dialog. `skipped` are files of dropped folders
   * that cannot be read.
   */
  take(files, skipped = []) {
    if (!this.dialog.open) this.open();
    const tags = part("new-tags")
      .value.split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
    this.uploads.add(files, tags);
    const reasons = skipped.map((name) => ({ name, reason: "is not supported" }));
    part("skipped").replaceChildren(
      unreadView(reasons.slice(0, LISTED), skipped.length, "of the dropped folders"),
    );
  }

  /** Show which files can be added. */
  offer({ suffixes, max_document_bytes }) {
    const kinds = "PDF, Office files, web pages, Markdown, text, tables, e-mail and e-books";
    part("kinds").textContent = `${kinds}, up to ${size(max_document_bytes)} each`;
    part("files").accept = suffixes.join(",");
  }

  /** Reload the list if it is visible. */
  refresh() {
    if (!this.dialog.open) return;
    this.load(null);
    this.showUnread();
  }

  async load(cursor) {
    const number = ++this.loads;
    try {
      const { documents, next_cursor } = await listDocuments(cursor, PAGE);
      if (number !== this.loads) return;
      this.found = cursor ? [...this.found, ...documents] : documents;
      this.cursor = next_cursor;
      this.show();
    } catch (fault) {
      part("documents").replaceChildren(
        element("li", { class: "broken", role: "alert" }, fault.message),
      );
    }
  }

  show() {
    const wanted = part("find").value.trim().toLowerCase();
    const shown = this.found.filter(({ title, file_name, id, tags }) =>
      [title, file_name ?? "", id, ...tags].some((text) => text.toLowerCase().includes(wanted)),
    );
    part("documents").replaceChildren(
      ...(shown.length
        ? shown.map(entry)
        : [
            element(
              "li",
              { class: "quiet" },
              wanted ? "No documents match." : "There are no documents yet.",
            ),
          ]),
    );
    part("more-documents").hidden = !this.cursor;
  }
}

/** How many files are not read, and their names on demand; nothing if all are. */
function unreadView(files, count, where) {
  if (!count) return "";
  const more = count - files.length;
  return element(
    "details",
    { class: "unread" },
    element(
      "summary",
      {},
      `${counted(count, "file")} ${where} ${count === 1 ? "is" : "are"} not read`,
    ),
    element(
      "ul",
      {},
      files.map(({ name, reason }) =>
        element("li", {}, foreign("span", name, { class: "file-name" }), ` ${reason}`),
      ),
      more > 0 && element("li", {}, `and ${counted(more, "more file", "more files")}`),
    ),
  );
}

function entry({ id, title, file_name, published, tags, characters }) {
  const path = `/documents/${id.split("/").map(encodeURIComponent).join("/")}`;
  return element(
    "li",
    {},
    element(
      "a",
      { href: path },
      titleView({ title, file_name }),
      element(
        "span",
        { class: "particulars" },
        published ? element("time", { datetime: published }, day(published)) : "no date",
        ` · ${counted(characters, "character")}`,
        tags.map((tag) => foreign("span", tag, { class: "tag" })),
      ),
    ),
  );
}
