// Excerpts of documents, of which the page has the text but not the blocks: quotes in answers, and
// passages. What the marks in their lines say is drawn, and the marks are not shown.

import { element } from "./dom.js";
import { HEADING_MARK, LIST_MARK, markerOf } from "./text.js";

const BAR = /(?<=^|\s)\|(?=\s|$)/g;
const RULE = /^[\s|:-]*-[\s|:-]*$/;

/**
 * The elements and texts that show an excerpt, with `text[mark.start:mark.end]` marked, in UTF-16
 * units. A single line of running text needs no elements of its own.
 */
export function excerptView(text, mark = { start: 0, end: 0 }) {
  const lines = linesOf(text);
  const isPlain = lines.length === 1 && lines[0].kind === "text";
  return lines.flatMap(({ kind, marker, parts }) => {
    const spans = parts.map((part) => marked(text, part, mark));
    if (isPlain) return spans[0];
    const cells = spans.flatMap((cell) => [element("span", { class: "cell" }, cell), " "]);
    const content = kind === "row" ? cells : spans[0];
    return element(
      "span",
      { class: `line of-${kind}`, "data-marker": marker, dir: "auto" },
      content,
    );
  });
}

/** What an excerpt says in each line or cell, without marks. */
export function segmentsOf(text) {
  return linesOf(text).flatMap(({ parts }) =>
    parts.map(({ start, end }) => text.slice(start, end)),
  );
}

/** An excerpt on one line of plain text, without marks. */
export function plain(text) {
  return segmentsOf(text).join(" · ");
}

/** The lines of an excerpt that are not blank, each with its kind and the parts that it shows. */
function linesOf(text) {
  const lines = [];
  let start = 0;
  for (const line of text.split("\n")) {
    if (line.trim() && !RULE.test(line)) lines.push(lineOf(line, start));
    start += line.length + 1;
  }
  return lines;
}

function lineOf(line, start) {
  const end = start + line.trimEnd().length;
  const heading = HEADING_MARK.exec(line);
  if (heading)
    return { kind: "heading", marker: null, parts: [{ start: start + heading[0].length, end }] };
  const item = LIST_MARK.exec(line);
  const first = item ? item[0].length : line.length - line.trimStart().length;
  const marker = item ? markerOf(item[0]) : null;
  const cells = cellsOf(line, start, first);
  if (cells.length > 1) return { kind: "row", marker, parts: cells };
  return { kind: item ? "item" : "text", marker, parts: [{ start: start + first, end }] };
}

/** The cells of a line that are not empty, from an offset in it. */
function cellsOf(line, start, first) {
  const cells = [];
  const bars = [...line.matchAll(BAR)].map(({ index }) => index);
  let from = first;
  for (const bar of [...bars, line.length]) {
    const cell = line.slice(from, bar);
    const left = start + from + cell.length - cell.trimStart().length;
    if (cell.trim()) cells.push({ start: left, end: left + cell.trim().length });
    from = bar + 1;
  }
  return cells;
}

function marked(text, { start, end }, mark) {
  const from = Math.min(Math.max(mark.start, start), end);
  const to = Math.min(Math.max(mark.end, from), end);
  return [
    text.slice(start, from),
    from < to ? element("mark", {}, text.slice(from, to)) : null,
    text.slice(to, end),
  ];
}
