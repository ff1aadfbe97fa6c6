// A document's text as lines on the page. Each line knows its position in the text.

import { element } from "./dom.js";
import { LIST_MARK, safeCut } from "./text.js";

const LONGEST_LINE = 3000;
const LINES_PER_SECTION = 40;
const HEADING = /^ {0,3}(#{1,6})[ \t]+/;

/** Where each line on the page starts in the text, in UTF-16 units. */
const starts = new WeakMap();

/**
 * Sections of lines for `text[from:to]`, with `text[mark.start:mark.end]` marked. All offsets are
 * in UTF-16 units. A very long line is cut, at a space if there is one, so that the browser never
 * has to lay out a megabyte at once.
 */
export function sectionsOf(text, from, to, mark, pages) {
  const sections = [];
  let lines = [];
  for (const span of spans(text, from, to)) {
    lines.push(lineView(text, span, mark, pages));
    if (lines.length === LINES_PER_SECTION)
      sections.push(element("div", { class: "section" }, lines.splice(0)));
  }
  if (lines.length) sections.push(element("div", { class: "section" }, lines));
  return sections;
}

/** The position in the text of a position on the page, in UTF-16 units; null outside the lines. */
export function placeIn(node, offset) {
  const line = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest(
    ".text .text-line",
  );
  if (!line) return null;
  const range = document.createRange();
  range.setStart(line, 0);
  range.setEnd(node, offset);
  return starts.get(line) + range.toString().length;
}

function* spans(text, from, to) {
  for (let start = from; start < to;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 || newline > to ? to : newline;
    yield* cut(text, start, end);
    start = end + 1;
  }
}

function* cut(text, start, end) {
  let isFirst = true;
  while (end - start > LONGEST_LINE) {
    const limit = safeCut(text, start + LONGEST_LINE);
    const space = text.lastIndexOf(" ", limit);
    const stop = space > start + LONGEST_LINE / 2 ? space + 1 : limit;
    yield { start, end: stop, isFirst };
    start = stop;
    isFirst = false;
  }
  yield { start, end, isFirst };
}

function lineView(text, { start, end, isFirst }, mark, pages) {
  const line = text.slice(start, end);
  const heading = isFirst && HEADING.exec(line);
  const page = pages.get(start) ?? null;
  const node = element("div", {
    dir: "auto",
    class: `text-line${kindOf(line, heading, isFirst)}`,
    "data-page": page,
  });
  if (heading) {
    node.setAttribute("role", "heading");
    node.setAttribute("aria-level", String(Math.min(6, heading[1].length + 1)));
  }
  const signs = heading ? start + heading[0].length : start;
  const cuts = [start, signs, clamp(mark.start, start, end), clamp(mark.end, start, end), end];
  const edges = [...new Set(cuts)].sort((one, other) => one - other);
  for (let index = 1; index < edges.length; index += 1) {
    const [first, last] = [edges[index - 1], edges[index]];
    node.append(
      piece(text.slice(first, last), first >= mark.start && last <= mark.end, last <= signs),
    );
  }
  starts.set(node, start);
  return node;
}

function piece(text, isMarked, isSign) {
  if (isMarked) return element("mark", {}, text);
  return isSign ? element("span", { class: "sign", "aria-hidden": "true" }, text) : text;
}

function kindOf(line, heading, isFirst) {
  if (heading) return " heading";
  if (!isFirst) return " continued";
  return LIST_MARK.test(line) ? " item" : "";
}

function clamp(position, start, end) {
  return Math.min(Math.max(position, start), end);
}
