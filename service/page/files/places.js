// Links to passages: in the documents here, and in their originals elsewhere.

import { LIST_MARK } from "./text.js";

const WORDS = 4;
const HEADING_MARK = /^\s*#{1,6}\s+/;

/** The permanent link of a passage in a document. */
export function linkTo({ document_id, version, start, end }) {
  return `${linkToDocument(document_id, version)}#${start}-${end}`;
}

/** The permanent link of a version of a document. */
export function linkToDocument(documentId, version) {
  const path = documentId.split("/").map(encodeURIComponent).join("/");
  return `/documents/${path}?version=${encodeURIComponent(version)}`;
}

/**
 * The document and passage that a permanent link names; null for other links. Start and end are
 * null if it names only a document.
 */
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
    return null; // The path has a percent sign that encodes nothing.
  }
}

/**
 * The address of the original, with a text fragment that makes the browser scroll to the quote and
 * highlight it. Null unless the address is an http or https URL.
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

/**
 * The text fragment `prefix-,start,end,-suffix`. A long quote is given by its first and last words;
 * prefix and suffix are a few of the words around it.
 */
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

/** The words next to the quote on the same line; null if the quote starts or ends inside a word. */
function touching(text, isBefore) {
  if (isBefore ? /[\p{L}\p{N}]$/u.test(text) : /^[\p{L}\p{N}]/u.test(text)) return null;
  const line = isBefore ? withoutMark(text.split("\n").at(-1)) : text.split("\n")[0];
  const words = line.split(/\s+/).filter(Boolean);
  const few = isBefore ? words.slice(-WORDS) : words.slice(0, WORDS);
  return /[\p{L}\p{N}]/u.test(few.join("")) ? encodedPart(few.join(" ")) : null;
}

function withoutMark(line) {
  return line.replace(HEADING_MARK.test(line) ? HEADING_MARK : LIST_MARK, "");
}

function encodedPart(text) {
  return encodeURIComponent(text).replace(/-/g, "%2D");
}
