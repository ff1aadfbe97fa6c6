// Offsets in texts. The service counts Unicode code points, JavaScript counts UTF-16 units; these
// functions convert between the two.

const SURROGATES = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;

/** How many code points a string has. */
export function pointsIn(text) {
  let pairs = 0;
  for (const _ of text.matchAll(SURROGATES)) pairs += 1;
  return text.length - pairs;
}

/** The UTF-16 offset of the code point at `points`, at most the length of the text. */
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

/** The end of a text, at most `reach` units of it, cut at a word and marked as cut. */
export function tail(text, reach) {
  if (text.length <= reach) return text;
  const cut = text.slice(safeCut(text, text.length - reach));
  const space = cut.search(/\s/);
  return `… ${(space < 0 || space > 60 ? cut : cut.slice(space)).trimStart()}`;
}

/** The beginning of a text, in the same way. */
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
