// Offsets in texts. The service counts Unicode code points and JavaScript counts UTF-16 units;
// these functions convert between them.

const SURROGATES = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;

/** The bullet at the start of a list item. */
export const BULLET = /^\s*[-*+•–]\s+/;

/** The bullet or number at the start of a list item. */
export const LIST_MARK = new RegExp(`${BULLET.source}|^\\s*\\d{1,3}[.)]\\s+`);

/** The number of code points in a string. */
export function pointsIn(text) {
  let pairs = 0;
  for (const _ of text.matchAll(SURROGATES)) pairs += 1;
  return text.length - pairs;
}

/** The UTF-16 offset of the code point at `points`, or the length of the text if it is shorter. */
export function unitAt(text, points) {
  let unit = 0;
  for (let left = points; left > 0 && unit < text.length; left -= 1) {
    unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
  }
  return unit;
}

/** `text[start:end]` in code points, and the text before and after it. */
export function parted(text, start, end) {
  const from = unitAt(text, start);
  const to = from + unitAt(text.slice(from), end - start);
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
