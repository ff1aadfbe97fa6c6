// A document, beside the conversation or on its own, opened at the quote that a link names.

import { originalFile, Problem, readDocument, verifyQuote } from "./api.js";
import { Outline } from "./blocks.js";
import { offsetAt, sectionsOf, weightOf } from "./document-view.js";
import { announce, copyFrom, element, foreign, icon, notesView } from "./dom.js";
import { keepRightPassage } from "./feedback.js";
import { PageView } from "./page-view.js";
import { linkTo, linkToDocument, originalAt } from "./places.js";
import { safeCut } from "./text.js";
import { counted, day } from "./words.js";

const WINDOW = 3000;
const EXCERPT = 90;

/** The reader. `actions`: close(), askWithin({id, title}). */
export class Reader {
  constructor(panel, actions) {
    this.panel = panel;
    this.actions = actions;
    this.opened = 0;
    this.place = null;
    document.addEventListener("selectionchange", () => this.selected());
  }

  /**
   * Show a document at a passage (see placeOf). If an answer cites the document, its id makes it
   * possible to select the right passage for its question. `page` is the number of a page whose
   * image is shown beside the text.
   */
  async open(place, answerId, page = null) {
    const number = ++this.opened;
    Object.assign(this, { place, answerId, page, document: null });
    this.frame(
      element("h2", { id: "reader-title", tabindex: "-1", class: "sr" }, "Opening the document"),
    );
    this.panel.append(
      element(
        "div",
        { class: "body waiting" },
        element("i"),
        element("i"),
        element("i"),
        element("i"),
      ),
    );
    this.panel.hidden = false;
    this.panel.querySelector("h2").focus({ preventScroll: true });
    try {
      const found = await readDocument(place.document_id, place.version);
      if (number === this.opened) await this.show(found);
    } catch (fault) {
      if (number === this.opened) this.fail(fault);
    }
  }

  close() {
    this.opened += 1;
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.document = null;
    document.title = "Quoth";
  }

  fail(fault) {
    this.frame(
      element(
        "h2",
        { id: "reader-title", tabindex: "-1" },
        fault.status === 404 ? "Document not found" : "Could not open the document",
      ),
    );
    const detail =
      fault.status === 404
        ? "This document, or this version of it, is no longer in the collection."
        : fault.message;
    this.panel.append(
      element("div", { class: "body" }, element("p", { class: "broken", role: "alert" }, detail)),
    );
    if (!(fault instanceof Problem)) throw fault;
  }

  async show(found) {
    const { place } = this;
    this.document = found;
    this.outline = new Outline(found);
    const { offsets } = this.outline;
    const start = offsets.unitAt(place.start ?? 0);
    this.mark = { start, end: Math.max(start, offsets.unitAt(place.end ?? 0)) };
    document.title = `${found.title} · Quoth`;
    this.frame(
      foreign("h2", found.title, { id: "reader-title", tabindex: "-1" }),
      this.particulars(),
    );
    this.notice = element("div", { class: "notice", role: "status" });
    this.text = element("article", {
      class: "text",
      tabindex: "0",
      "aria-label": "Document text",
      oncopy: (event) => this.copied(event),
    });
    this.bar = element("div", {
      class: "selection",
      hidden: true,
      role: "group",
      "aria-label": "Selected text",
    });
    const notes = found.notes?.length ? notesView(found.notes) : null;
    this.body = element("div", { class: "body" }, this.notice, notes, this.text);
    this.panel.append(element("div", { class: "beside" }, this.body), this.bar);
    this.text.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-page]");
      if (button) this.showPage(Number(button.dataset.page));
    });
    if (this.page !== null) this.showPage(this.page);
    this.fill();
    this.panel.querySelector("h2").focus({ preventScroll: true });
    if (this.mark.end > this.mark.start) await this.compare();
  }

  frame(title, particulars = null) {
    const close = element(
      "button",
      {
        type: "button",
        class: "plain icon",
        "aria-label": "Close the document",
        onclick: () => this.actions.close(),
      },
      icon("cross"),
    );
    this.panel.replaceChildren(
      element("header", {}, element("div", { class: "line" }, title, close), particulars),
    );
  }

  particulars() {
    const { title, file_name, published, tags, url, characters, id } = this.document;
    const quote = this.document.text.slice(this.mark.start, this.mark.end);
    const around = [
      this.document.text.slice(Math.max(0, this.mark.start - 200), this.mark.start),
      this.document.text.slice(this.mark.end, this.mark.end + 200),
    ];
    const website = url ? originalAt(url, quote, ...around) : null;
    const page =
      this.document.pages.findLast(({ start }) => start <= (this.place.start ?? 0)) ??
      this.document.pages[0];
    const copy = element(
      "button",
      { type: "button", class: "plain small", onclick: () => copyFrom(copy, location.href) },
      icon("link"),
      element("span", {}, "Copy link"),
    );
    const within = element(
      "button",
      {
        type: "button",
        class: "plain small",
        onclick: () => this.actions.askWithin({ id, title }),
      },
      icon("funnel"),
      element("span", {}, "Ask only this document"),
    );
    return [
      element(
        "p",
        { class: "particulars" },
        file_name && [foreign("span", file_name, { class: "file-name" }), " · "],
        published ? element("time", { datetime: published }, day(published)) : "no date",
        ` · ${counted(characters, "character")}`,
        tags.map((tag) => foreign("span", tag, { class: "tag" })),
      ),
      element(
        "div",
        { class: "row" },
        copy,
        within,
        this.outline.hasPageImages &&
          element(
            "button",
            { type: "button", class: "plain small", onclick: () => this.showPage(page.number) },
            icon("sheet"),
            element("span", {}, `Page ${page.number}`),
          ),
        this.document.original &&
          element(
            "a",
            { class: "plain small", href: originalFile(id), download: file_name ?? "" },
            icon("download"),
            element("span", {}, "Original"),
          ),
        website &&
          element(
            "a",
            { class: "plain small", href: website, target: "_blank", rel: "noopener noreferrer" },
            icon("out"),
            element("span", {}, this.document.original ? "Website" : "Original"),
          ),
      ),
    ];
  }

  /** Show the image of a page beside the text. */
  showPage(number) {
    if (!this.outline.hasPageImages) return;
    if (!this.pageView?.node.isConnected) {
      const { start, end } = this.place;
      this.pageView = new PageView(this.document, start === null ? null : { start, end }, () => {
        this.pageView.node.remove();
        this.text.focus({ preventScroll: true });
      });
      this.body.before(this.pageView.node);
      this.reveal();
    }
    this.pageView.show(number);
  }

  /** Show the text around the mark. Only a very long text has parts that are shown on demand. */
  fill() {
    const { units } = this.outline;
    const marked = Math.min(this.outline.indexAt(this.mark.start), units.length - 1);
    const from = this.reach(marked, -1);
    const to = this.reach(from === 0 ? 0 : marked, 1, from === 0 ? 2 * WINDOW : WINDOW);
    this.text.replaceChildren(
      ...this.more("Show earlier text", 0, from, true),
      ...sectionsOf(this.outline, from, to, this.mark),
      ...this.more("Show later text", to, units.length, false),
    );
    this.reveal();
  }

  /** The unit up to which the text is shown, before (-1) or after (1) a unit. */
  reach(index, step, window = WINDOW) {
    const { units } = this.outline;
    let end = index;
    for (let weight = 0; weight < window; end += step) {
      if (step > 0 ? end >= units.length : end <= 0) break;
      weight += weightOf(units[step > 0 ? end : end - 1]);
    }
    return end;
  }

  /** A button that shows more of the units `from` to before `to`, if there are any. */
  more(label, from, to, isBefore) {
    if (from >= to) return [];
    const button = element("button", { type: "button", class: "button small" }, label);
    button.addEventListener("click", () => {
      const edge = isBefore ? this.reach(to, -1) : this.reach(from, 1);
      const sections = isBefore
        ? sectionsOf(this.outline, Math.max(edge, from), to, this.mark)
        : sectionsOf(this.outline, from, Math.min(edge, to), this.mark);
      button.replaceWith(
        ...(isBefore
          ? [...this.more(label, from, edge, true), ...sections]
          : [...sections, ...this.more(label, edge, to, false)]),
      );
    });
    return [button];
  }

  /**
   * Scroll to the mark, and again once the browser has laid out the text above it, which can move
   * the mark.
   */
  reveal() {
    const mark = this.text.querySelector("mark");
    if (!mark) return;
    const centre = () => mark.scrollIntoView({ block: "center" });
    centre();
    requestAnimationFrame(() => requestAnimationFrame(centre));
  }

  /** Show a notice if the document has changed since it was cited. */
  async compare() {
    const { document: found, place, opened } = this;
    const quote = found.text.slice(this.mark.start, this.mark.end);
    const verdict = await verifyQuote({
      document_id: found.id,
      version: found.version,
      start: place.start,
      end: place.end,
      quote,
    });
    if (opened !== this.opened || verdict.version === found.version || verdict.status === "gone")
      return;
    const isThere = verdict.start !== null;
    const current = isThere
      ? linkTo({
          document_id: found.id,
          version: verdict.version,
          start: verdict.start,
          end: verdict.end,
        })
      : linkToDocument(found.id, verdict.version);
    const quoteStatus = isThere ? "The quote is still in it." : "The quote is no longer in it.";
    this.notice.replaceChildren(
      element(
        "p",
        {},
        `This is the text as it was cited. The document has changed since. ${quoteStatus} `,
        element("a", { href: current }, "Read the current version"),
      ),
    );
  }

  selected() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.offer(), 150);
  }

  offer() {
    if (!this.document || this.panel.hidden) return;
    const place = this.selection();
    if (!place) {
      if (!this.bar.contains(document.activeElement)) this.bar.hidden = true;
      return;
    }
    const copy = element(
      "button",
      {
        type: "button",
        class: "button small",
        onclick: () => copyFrom(copy, new URL(linkTo(place), location.origin).href),
      },
      element("span", {}, "Copy link"),
    );
    const right = this.answerId
      ? element(
          "button",
          { type: "button", class: "button small first", onclick: () => this.correct(place) },
          "This is the right passage",
        )
      : null;
    const { readable } = place;
    const shown =
      readable.length > EXCERPT ? `${readable.slice(0, safeCut(readable, EXCERPT))}…` : readable;
    this.bar.replaceChildren(foreign("q", shown), element("div", { class: "row" }, right, copy));
    this.bar.hidden = false;
  }

  /** The selected part of the text in UTF-16 units; null if nothing is selected. */
  selectedSpan() {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!this.text.contains(range.commonAncestorContainer)) return null;
    const start = offsetAt(this.text, range.startContainer, range.startOffset, false);
    const end = offsetAt(this.text, range.endContainer, range.endOffset, true);
    return start === null || end === null || start >= end ? null : { start, end };
  }

  /**
   * The selected words as a passage in code points, without white space at either end, and as they
   * are shown; null if nothing is selected.
   */
  selection() {
    const span = this.selectedSpan();
    if (!span) return null;
    const { text, id, version } = this.document;
    const selected = text.slice(span.start, span.end);
    const quote = selected.trim();
    if (!quote) return null;
    const from = span.start + selected.indexOf(quote);
    const to = from + quote.length;
    const { offsets } = this.outline;
    return {
      ...{ document_id: id, version, quote },
      ...{ start: offsets.pointAt(from), end: offsets.pointAt(to) },
      readable: this.outline.readable(from, to),
    };
  }

  /** Copy the selected text as it is shown: with the marks of lists, and tabs between cells. */
  copied(event) {
    const span = this.selectedSpan();
    if (!span) return;
    const shown = getSelection().getRangeAt(0).cloneContents();
    for (const extra of shown.querySelectorAll(".page-start, .copy")) extra.remove();
    event.clipboardData.setData("text/plain", this.outline.readable(span.start, span.end));
    event.clipboardData.setData("text/html", new XMLSerializer().serializeToString(shown));
    event.preventDefault();
  }

  async correct(place) {
    let message = "Thank you. The passage is saved with the question.";
    try {
      await keepRightPassage(this.answerId, place);
      getSelection().removeAllRanges();
    } catch (fault) {
      message = fault.message;
    }
    this.bar.replaceChildren(element("p", { role: "status" }, message));
    announce(message);
  }
}
