// Links to passages: in documents here, and in the originals elsewhere.

const WORDS = 4;
const LINE_MARK = /^\s*(?:#{1,6}|[-*•–]|\d{1,3}[.)])\s+/;

/** The permanent link of a passage in a document. */
export function linkTo({ document_id, version, start, end }) {
  const path = document_id.split("/").map(encodeURIComponent).join("/");
  return `/documents/${path}?version=${encodeURIComponent(version)}#${start}-${end}`;
}

/** The passage of a permanent link, null for other links. A whole document has no start and end. */
export function placeOf(link) {
  const url = new URL(link, location.origin);
  if (url.origin !== location.origin || !url.pathname.startsWith("/documents/")) return null;
  const span = /^#(\d+)-(\d+)$/.exec(url.hash);
  try {
    return {
      document_id: decodeURIComponent(url.pathname.slice("/documents/".length)),
      version: url.searchParams.get("version"),
      start: span ? Number(span[1]) : null,
      end: span ? Number(span[2]) : null,
    };
  } catch {
    return null; // a percent sign that encodes nothing
  }
}

/**
 * The address of the original, with a text fragment that makes the browser scroll to the quote and
 * mark it. Null unless it is an http or https address.
 */
export function originalAt(address, quote = "", before = "", after = "") {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  const fragment = textFragment(quote, before, after);
  if (!fragment) return url.href;
  return `${url.href}${url.hash ? "" : "#"}:~:text=${fragment}`;
}

/** prefix-,start,end,-suffix: a long quote by its first and last words, with a little context. */
function textFragment(quote, before, after) {
  const words = quote.split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const whole = words.length <= 2 * WORDS;
  const parts = whole
    ? [encodedPart(words.join(" "))]
    : [encodedPart(words.slice(0, WORDS).join(" ")), encodedPart(words.slice(-WORDS).join(" "))];
  const prefix = touching(before, true);
  const suffix = touching(after, false);
  if (prefix) parts.unshift(`${prefix}-`);
  if (suffix) parts.push(`-${suffix}`);
  return parts.join(",");
}

/** The words beside the quote on its line; none if the quote begins or ends inside a word. */
function touching(text, isBefore) {
  if (isBefore ? /[\p{L}\p{N}]$/u.test(text) : /^[\p{L}\p{N}]/u.test(text)) return null;
  const line = isBefore ? text.split("\n").at(-1).replace(LINE_MARK, "") : text.split("\n")[0];
  const words = line.split(/\s+/).filter(Boolean);
  const few = isBefore ? words.slice(-WORDS) : words.slice(0, WORDS);
  return /[\p{L}\p{N}]/u.test(few.join("")) ? encodedPart(few.join(" ")) : null;
}

function encodedPart(text) {
  return encodeURIComponent(text).replace(/-/g, "%2D");
}
