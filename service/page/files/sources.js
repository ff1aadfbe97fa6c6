// Quotes in their sentences, and the documents that they are from.

import { element, icon, titleView } from "./dom.js";
import { excerptView, plain } from "./excerpt.js";
import { linkTo, originalAt } from "./places.js";
import { head, parted, tail } from "./text.js";
import { day } from "./words.js";

const REACH = 360;
const LONGEST_QUOTE = 1500;
const SHOWN = 3;

/**
 * The quote, marked in its sentence. A very long sentence is shortened around the quote. Above a
 * cell of a table are the names of its column and its row.
 */
export function sentenceView(citation, ...children) {
  const { sentence, start, end, cell } = citation;
  const heads = [cell?.column, cell?.row].filter(Boolean).map(plain).join(" · ");
  const { before, inside, after } = parted(
    sentence.text,
    start - sentence.start,
    end - sentence.start,
  );
  const [above, quote, below] = [
    tail(before, REACH),
    head(inside, LONGEST_QUOTE),
    head(after, REACH),
  ];
  const mark = { start: above.length, end: above.length + quote.length };
  return element(
    "p",
    { dir: "auto", class: inside.length + before.length + after.length > 240 ? "long" : null },
    heads !== "" && element("small", { dir: "auto" }, heads),
    excerptView(above + quote + below, mark),
    children,
  );
}

/** The small number after a quote. It links to the quote's document. */
export function reference(citation, answerId) {
  return element(
    "a",
    {
      class: "reference",
      href: citation.link,
      "data-answer": answerId,
      "aria-label": `Source ${citation.number}: ${citation.title}`,
    },
    String(citation.number),
  );
}

/** All sources of an answer. Only the first few are shown at first. */
export function sourceList(citations, answerId) {
  const items = citations.map((citation) => source(citation, answerId));
  const list = element(
    "ol",
    { class: "sources", "aria-label": "Sources" },
    items.slice(0, SHOWN),
  );
  if (items.length <= SHOWN) return list;
  const more = element(
    "button",
    {
      type: "button",
      class: "plain small more",
      onclick: () => {
        list.append(...items.slice(SHOWN));
        items[SHOWN].querySelector("a").focus();
        more.remove();
      },
    },
    `${items.length - SHOWN} more`,
  );
  return [list, more];
}

function source(citation, answerId) {
  const isFirst = citation.number === 1;
  return element(
    "li",
    {},
    element(
      "a",
      { class: "source", href: citation.link, "data-answer": answerId },
      element("span", { class: "number", "aria-hidden": "true" }, String(citation.number)),
      element(
        "span",
        { class: "where" },
        element("span", { class: "titles" }, titleView(citation)),
        particulars(citation),
      ),
      isFirst ? null : element("span", { class: "said" }, sentenceView(citation)),
    ),
    pageLink(citation, answerId),
    original(citation),
  );
}

/** A link to the citation with the image of its page, if its file has page images. */
function pageLink({ page, file_name, link, title }, answerId) {
  if (!page || !/\.pdf$/i.test(file_name ?? "")) return null;
  return element(
    "a",
    {
      ...{ class: "original", href: link, "data-answer": answerId, "data-page": page },
      "aria-label": `Page ${page} of ${title}`,
    },
    icon("sheet"),
    `Page ${page}`,
  );
}

/** The date and the page of a citation. */
export function particulars({ published, page }) {
  return element(
    "span",
    { class: "particulars" },
    published ? element("time", { datetime: published }, day(published)) : "no date",
    page ? ` · page ${page}` : null,
  );
}

function original(citation) {
  const { sentence, start, end, url, title } = citation;
  if (!url) return null;
  const { before, inside, after } = parted(
    sentence.text,
    start - sentence.start,
    end - sentence.start,
  );
  const address = originalAt(url, inside, before, after);
  return (
    address &&
    element(
      "a",
      {
        class: "original",
        href: address,
        target: "_blank",
        rel: "noopener noreferrer",
        "aria-label": `Original of ${title}, opens in a new tab`,
      },
      "Original",
      icon("out"),
    )
  );
}

/** A passage that was read for an answer, followed by the given children, such as a button. */
export function passageView(passage, answerId, ...children) {
  return element(
    "li",
    {},
    element(
      "a",
      { class: "passage", href: linkTo(passage), "data-answer": answerId },
      titleView(passage),
      element("span", { class: "snippet", dir: "auto" }, excerptView(head(passage.text, 260))),
    ),
    children,
  );
}
