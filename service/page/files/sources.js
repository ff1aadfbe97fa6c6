// Quotes in their sentences, and the documents that they are from.

import { element, icon, titleView } from "./dom.js";
import { excerptView, plain } from "./excerpt.js";
import { linkTo, originalAt } from "./places.js";
import { head, parted, tail } from "./text.js";
import { day } from "./words.js";

const COMPOSED = ["passage", "list", "row"];
const REACH = 360;
const LONGEST_QUOTE = 1500;
const SHOWN = 3;
const BETWEEN_SENTENCES = 3;
const IN_FRONT = 60;
const ITEM_MARK = /\n[ \t>]*(?:(?:[-*+•‣▪◦·–—]|\(?\w{1,3}[.)])[ \t]*)?$/;
const PASSAGE_LENGTH = 300;

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

/** Whether an answer is made of quotes that are shown one by one. */
export function isComposed({ form }) {
  return COMPOSED.includes(form);
}

/**
 * The quotes of a list, a passage or a row of a table, one by one, each with its number. Between
 * sentences that do not follow each other stands a mark.
 */
export function composedView({ form, quotes }, citations, answerId) {
  const placed = quotes.map(({ text, citation: number }, index) => {
    const citation = citations.find((each) => each.number === number);
    const before = index > 0 && citations.find((each) => each.number === quotes[index - 1].citation);
    const follows = before && isSameDocument(before, citation);
    const gap = follows ? citation.start - before.end : 0;
    return { text, citation, follows, omits: gap < 0 || gap > BETWEEN_SENTENCES };
  });
  const cited = ({ text, citation }) => [
    excerptView(text),
    reference(citation, answerId),
  ];
  if (form === "row") return rowView(placed, cited);
  if (form === "list") return listView(placed, cited);
  return passageQuoteView(placed, cited);
}

function passageQuoteView(placed, cited) {
  const paragraphs = [];
  for (const quote of placed) {
    if (!quote.follows) paragraphs.push([]);
    paragraphs.at(-1).push(quote.omits ? [" […] ", cited(quote)] : [" ", cited(quote)]);
  }
  return paragraphs.map((quotes) => element("p", { dir: "auto" }, quotes.flat(3)));
}

function listView(placed, cited) {
  const introduction = leadIn(placed[0].citation);
  return [
    introduction !== "" && element("p", { dir: "auto" }, excerptView(introduction)),
    element(
      "ul",
      {},
      placed.map((item) => element("li", { dir: "auto" }, cited(item).flat())),
    ),
  ];
}

/** What leads into a list: the sentence of its first item, up to the item and its mark. */
function leadIn({ sentence, start }) {
  const { before } = parted(sentence.text, start - sentence.start, start - sentence.start);
  return before.replace(ITEM_MARK, "").trim();
}

function rowView(placed, cited) {
  const name = placed[0].citation.cell?.row;
  const isNamed = name && !placed.some(({ text }) => text === name);
  return [
    isNamed && element("p", { dir: "auto", class: "row-name" }, plain(name)),
    element(
      "dl",
      {},
      placed.flatMap((cell) => [
        element("dt", { dir: "auto" }, plain(cell.citation.cell?.column ?? "")),
        element("dd", { dir: "auto" }, cited(cell).flat()),
      ]),
    ),
  ];
}

function isSameDocument(one, other) {
  return one.document_id === other.document_id && one.version === other.version;
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
  return shortened(citations.map((citation) => source(citation, answerId)));
}

/** The documents of an answer's quotes, each once, with the numbers of its quotes. */
export function documentList(citations, answerId) {
  const documents = [];
  for (const citation of citations) {
    const known = documents.find(([first]) => isSameDocument(first, citation));
    if (known) known.push(citation);
    else documents.push([citation]);
  }
  return shortened(
    documents.map((same) => source(same[0], answerId, numbersOf(same.map(({ number }) => number)))),
  );
}

/** "1", "1, 3" or "1–4". */
function numbersOf(numbers) {
  const isRun = numbers.at(-1) - numbers[0] === numbers.length - 1;
  return isRun && numbers.length > 2 ? `${numbers[0]}–${numbers.at(-1)}` : numbers.join(", ");
}

function shortened(items) {
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

/** A source. With the numbers of several quotes, the quotes are shown elsewhere. */
function source(citation, answerId, numbers = null) {
  const isShown = numbers !== null || citation.number === 1;
  return element(
    "li",
    {},
    element(
      "a",
      { class: "source", href: citation.link, "data-answer": answerId },
      element("span", { class: "number", "aria-hidden": "true" }, numbers ?? String(citation.number)),
      element(
        "span",
        { class: "where" },
        element("span", { class: "titles" }, titleView(citation)),
        particulars(citation),
      ),
      isShown ? null : element("span", { class: "said" }, sentenceView(citation)),
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

/**
 * A passage that was read for an answer, around the sentence that answers best, followed by the
 * given children, such as a button.
 */
export function passageView(passage, answerId, ...children) {
  return element(
    "li",
    {},
    element(
      "a",
      { class: "passage", href: linkTo(passage), "data-answer": answerId },
      titleView(passage),
      element("span", { class: "snippet", dir: "auto" }, snippetView(passage)),
    ),
    children,
  );
}

function snippetView({ text, start, best_sentence: best }) {
  if (!best) return excerptView(head(text, PASSAGE_LENGTH));
  const { before, inside, after } = parted(text, best.start - start, best.end - start);
  const room = Math.max(PASSAGE_LENGTH - inside.length, 0);
  const above = tail(before, Math.max(IN_FRONT, room - after.length));
  const below = room > 0 ? head(after, room) : "";
  const mark = { start: above.length, end: above.length + inside.length };
  return excerptView(above + inside + below, mark);
}
