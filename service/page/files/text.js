// Offsets in texts, and the marks that stand in them. The service counts Unicode code points and
// JavaScript counts UTF-16 units; this module converts between them.

const SURROGATES = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/;
const LETTER = /\p{L}/u;

/** The mark of a heading at the start of a line. "# of berths" is about a number. */
export const HEADING_MARK = /^ {0,3}(?:#{2,6}|#(?![ \t]+\p{Ll}))[ \t]+(?=\S)/u;

/** The mark of a list item at the start of a line. */
export const LIST_MARK = /^\s*(?:[-*+•‣▪◦·–—]|\(?\d{1,3}[.)])\s+/;

/** How the mark of a list item is shown: as in the text, but for the bullets of plain text. */
export function markerOf(mark) {
  const name = mark.trim();
  return /^[-*+]$/.test(name) ? "•" : name;
}

/** The number of code points in a string. */
export function pointsIn(text) {
  return new Offsets(text).pointAt(text.length);
}

/** The positions in a text, in code points and in UTF-16 units. */
export class Offsets {
  constructor(text) {
    this.length = text.length;
    // The code points of the characters that take two units.
    this.pairs = [];
    for (const { index } of text.matchAll(SURROGATES)) this.pairs.push(index - this.pairs.length);
  }

  /** The UTF-16 offset of a code point, at most the length of the text. */
  unitAt(point) {
    const before = countBelow(this.pairs.length, (index) => this.pairs[index] < point);
    return Math.min(point + before, this.length);
  }

  /** The code point at a UTF-16 offset. */
  pointAt(unit) {
    return unit - countBelow(this.pairs.length, (index) => this.pairs[index] + index < unit);
  }
}

/** How many of the numbers from 0 to `length` fulfil a condition that only the first ones do. */
export function countBelow(length, isBelow) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `text[start:end]` in code points, and the text before and after it. */
export function parted(text, start, end) {
  const offsets = new Offsets(text);
  const [from, to] = [offsets.unitAt(start), offsets.unitAt(end)];
  return { before: text.slice(0, from), inside: text.slice(from, to), after: text.slice(to) };
}

/** The end of a text: at most `reach` units, cut at a word, with an ellipsis where it is cut. */
export function tail(text, reach) {
  if (text.length <= reach) return text;
  const cut = text.slice(safeCut(text, text.length - reach));
  const space = cut.search(/\s/);
  return `… ${(space < 0 || space > 60 ? cut : cut.slice(space)).trimStart()}`;
}

/** The start of a text, cut in the same way. */
export function head(text, reach) {
  if (text.length <= reach) return text;
  const cut = text.slice(0, safeCut(text, reach));
  const space = cut.search(/\s\S*$/);
  return `${(space < 0 || cut.length - space > 60 ? cut : cut.slice(0, space)).trimEnd()} …`;
}

/** The nearest offset at or before `unit` that does not split a character. */
export function safeCut(text, unit) {
  const code = text.charCodeAt(unit);
  return code >= 0xdc00 && code <= 0xdfff ? unit - 1 : unit;
}

/** The direction of a text by its first letter, "rtl" or "ltr". */
export function directionOf(text) {
  const letter = LETTER.exec(text);
  return letter && RIGHT_TO_LEFT.test(letter[0]) ? "rtl" : "ltr";
}
