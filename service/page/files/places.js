// Links to passages: in the documents here, and in their originals elsewhere.

import { segmentsOf } from "./excerpt.js";

const WORDS = 4;

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
 * The text fragment `prefix-,start,end,-suffix`. A quote that is long, or that goes over several
 * lines or cells, is given by its first and last words. Prefix and suffix are a few of the words
 * around it.
 */
function textFragment(quote, before, after) {
  const segments = segmentsOf(quote).map((segment) => segment.split(/\s+/).filter(Boolean));
  if (!segments.length) return null;
  const [first, last] = [segments[0], segments.at(-1)];
  const isWhole = segments.length === 1 && first.length <= 2 * WORDS;
  const parts = isWhole ? [first] : [first.slice(0, WORDS), last.slice(-WORDS)];
  const fragment = parts.map((words) => encodedPart(words.join(" ")));
  const prefix = touching(before, true);
  const suffix = touching(after, false);
  if (prefix) fragment.unshift(`${prefix}-`);
  if (suffix) fragment.push(`-${suffix}`);
  return fragment.join(",");
}

/**
 * The words next to the quote in the same line and cell; null if there are none, or if the quote
 * starts or ends inside a word.
 */
function touching(text, isBefore) {
  if (isBefore ? /[\p{L}\p{N}]$/u.test(text) : /^[\p{L}\p{N}]/u.test(text)) return null;
  const line = isBefore ? text.slice(text.lastIndexOf("\n") + 1) : text.split("\n")[0];
  if (isBefore ? /(?:^|\s)\|\s*$/.test(line) : /^\s*\|(?:\s|$)/.test(line)) return null;
  const segment = segmentsOf(line).at(isBefore ? -1 : 0) ?? "";
  const words = segment.split(/\s+/).filter(Boolean);
  const few = isBefore ? words.slice(-WORDS) : words.slice(0, WORDS);
  return /[\p{L}\p{N}]/u.test(few.join("")) ? encodedPart(few.join(" ")) : null;
}

function encodedPart(text) {
  return encodeURIComponent(text).replace(/-/g, "%2D");
}
