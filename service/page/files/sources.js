// Quotes in their sentences, with their sources.

import { element, foreign, icon } from "./dom.js";
import { linkTo, originalAt } from "./places.js";
import { head, parted, tail } from "./text.js";
import { day } from "./words.js";

const REACH = 360;
const LONGEST_QUOTE = 1500;
const SHOWN = 3;
const LIST_MARK = /^\s*[-*•]\s+/;

/** The quote, marked within its sentence. A very long sentence is shortened around it. */
export function sentenceView(citation, ...children) {
  const { sentence, start, end } = citation;
  const { before, inside, after } = parted(
    sentence.text,
    start - sentence.start,
    end - sentence.start,
  );
  return element(
    "p",
    { dir: "auto", class: inside.length + before.length + after.length > 240 ? "long" : null },
    tail(before.replace(LIST_MARK, ""), REACH),
    element("mark", {}, head(inside, LONGEST_QUOTE)),
    head(after, REACH),
    children,
  );
}

/** The small number behind a quote, which opens its document. */
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

/** Every source of the answer, the first few at once. */
export function sourceList(citations, answerId) {
  const items = citations.map((citation) => source(citation, answerId));
  const list = element("ol", { class: "sources", "aria-label": "Sources" }, items.slice(0, SHOWN));
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
        foreign("span", citation.title, { class: "title" }),
        particulars(citation),
      ),
      isFirst ? null : element("span", { class: "said" }, sentenceView(citation)),
    ),
    original(citation),
  );
}

/** The day and the page of a citation. */
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
        "aria-label": `Original of ${title}, opens a new tab`,
      },
      "Original",
      icon("out"),
    )
  );
}

/** A passage that was read, with its button or other controls. */
export function passageView(passage, answerId, ...children) {
  return element(
    "li",
    {},
    element(
      "a",
      { class: "passage", href: linkTo(passage), "data-answer": answerId },
      foreign("span", passage.title, { class: "title" }),
      foreign("span", head(passage.text.replace(/^#{1,6} /gm, ""), 260), { class: "snippet" }),
    ),
    children,
  );
}
