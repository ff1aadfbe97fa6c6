// The filters of a question: dates, tags and a document.

import { element, foreign, icon, part } from "./dom.js";
import { day } from "./words.js";

/** The filters of the composer. `changed()` is called after each change. */
export class Filters {
  constructor(changed) {
    this.changed = changed;
    this.tags = new Set();
    this.document = null;
    this.panel = part("filters");
    this.opener = part("open-filters");
    this.from = part("from");
    this.to = part("to");
    this.opener.addEventListener("click", () => this.toggle(this.panel.hidden));
    part("close-filters").addEventListener("click", () => this.toggle(false));
    part("clear-filters").addEventListener("click", () => this.clear());
    for (const field of [this.from, this.to]) field.addEventListener("change", () => this.show());
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.toggle(false);
    });
  }

  /** The filters in the form of /v1/ask; null if there are none. */
  get value() {
    const value = {
      ...(this.document ? { document_ids: [this.document.id] } : {}),
      ...(this.tags.size ? { tags: [...this.tags] } : {}),
      ...(this.from.value ? { published_from: this.from.value } : {}),
      ...(this.to.value ? { published_to: this.to.value } : {}),
    };
    return Object.keys(value).length ? value : null;
  }

  /** Whether the dates are in order: the start date is not after the end date. */
  get isPossible() {
    return !(this.from.value && this.to.value && this.from.value > this.to.value);
  }

  /** Offer these tags, and the range of dates in which documents were published. */
  offer({ tags, published_from, published_to }) {
    for (const field of [this.from, this.to]) {
      field.min = published_from ?? "";
      field.max = published_to ?? "";
    }
    const names = new Set([...tags.map(({ tag }) => tag), ...this.tags]);
    const counts = new Map(tags.map(({ tag, documents }) => [tag, documents]));
    part("tags").replaceChildren(
      ...[...names].map((tag) => this.choice(tag, counts.get(tag) ?? 0)),
    );
  }

  choice(tag, documents) {
    const box = element("input", { type: "checkbox", value: tag });
    box.checked = this.tags.has(tag);
    box.addEventListener("change", () => {
      if (box.checked) this.tags.add(tag);
      else this.tags.delete(tag);
      this.show();
    });
    return element(
      "label",
      { class: "choice" },
      box,
      foreign("span", tag),
      element("span", { class: "count" }, String(documents)),
    );
  }

  /** Ask only this document: {id, title}. */
  only(document) {
    this.document = document;
    this.show();
  }

  clear() {
    this.tags.clear();
    this.document = null;
    this.from.value = this.to.value = "";
    this.show();
  }

  toggle(isOpen) {
    this.panel.hidden = !isOpen;
    this.opener.setAttribute("aria-expanded", String(isOpen));
    (isOpen ? this.from : this.opener).focus();
  }

  show() {
    for (const box of part("tags").querySelectorAll("input"))
      box.checked = this.tags.has(box.value);
    part("days-fault").textContent = this.isPossible ? "" : "The start date is after the end date.";
    const chips = this.chips();
    part("chosen").replaceChildren(...chips);
    part("chosen").hidden = !chips.length;
    this.changed();
  }

  chips() {
    const chips = [...this.tags].map((tag) => chip(tag, () => this.tags.delete(tag), this));
    if (this.document) chips.unshift(chip(this.document.title, () => (this.document = null), this));
    if (this.from.value)
      chips.push(chip(`from ${day(this.from.value)}`, () => (this.from.value = ""), this));
    if (this.to.value)
      chips.push(chip(`to ${day(this.to.value)}`, () => (this.to.value = ""), this));
    return chips;
  }
}

function chip(label, remove, filters) {
  const onclick = () => {
    remove();
    filters.show();
    part("question").focus();
  };
  return element(
    "button",
    { type: "button", class: "chip", "aria-label": `Remove the filter ${label}`, onclick },
    foreign("span", label),
    icon("cross"),
  );
}
