// A page of a PDF as it was printed, with the quote marked.

import { pageImage } from "./api.js";
import { element, icon } from "./dom.js";

/** The colour in which the service marks a span on white paper. */
const MARK = [255, 235, 90];
const TOLERANCE = 6;

/** The page view of a document with its original. `span`: the quote in code points, or null. */
export class PageView {
  constructor({ id, version, title, pages }, span, close) {
    Object.assign(this, { id, version, title, pages, span });
    this.label = element("span", { role: "status" });
    this.previous = this.step("Previous page", "back", -1);
    this.next = this.step("Next page", "forth", 1);
    this.sheet = element("div", { class: "sheet" });
    const closing = element(
      "button",
      { type: "button", class: "plain icon", "aria-label": "Close the page", onclick: close },
      icon("cross"),
    );
    this.node = element(
      "section",
      { class: "page-view", "aria-label": "The page as printed" },
      element("div", { class: "steps" }, this.previous, this.label, this.next, closing),
      this.sheet,
    );
  }

  /** Show the page with this number. */
  show(number) {
    const index = this.pages.findIndex((page) => page.number === number);
    this.index = Math.max(0, index);
    const page = this.pages[this.index];
    const { span } = this;
    const isMarked = span && span.start < page.end && page.start < span.end;
    const address = pageImage(this.id, this.version, page.number, isMarked ? span : null);
    const image = element("img", {
      src: address,
      alt: `Page ${page.number} of ${this.title}${isMarked ? ", with the quote marked" : ""}`,
      onload: () => {
        const top = isMarked ? topOfMark(image) * image.height : 0;
        this.sheet.scrollTop = top - this.sheet.clientHeight / 3;
      },
      onerror: () =>
        this.sheet.replaceChildren(
          element("p", { class: "broken", role: "alert" }, "This page can’t be shown."),
        ),
    });
    this.sheet.replaceChildren(
      element("a", { href: address, target: "_blank", title: "Open in a new tab" }, image),
    );
    this.label.textContent = `Page ${page.number} of ${this.pages.at(-1).number}`;
    this.previous.disabled = this.index === 0;
    this.next.disabled = this.index === this.pages.length - 1;
  }

  step(label, name, by) {
    return element(
      "button",
      {
        type: "button",
        class: "plain icon",
        "aria-label": label,
        onclick: () => this.show(this.pages[this.index + by].number),
      },
      icon(name),
    );
  }
}

/** How far down the image of a page its mark begins, from 0 to 1; 0 if it has none. */
function topOfMark(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  for (let pixel = 0; pixel < data.length; pixel += 4)
    if (MARK.every((value, at) => Math.abs(data[pixel + at] - value) <= TOLERANCE))
      return pixel / data.length;
  return 0;
}
