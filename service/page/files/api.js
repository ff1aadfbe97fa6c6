// Requests to the service, as its contract defines them.

/** A request that failed. Its message can be shown to the user. */
export class Problem extends Error {
  constructor(message, status = 0, field = null) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** The Problem that a response with an error status describes. */
export function problemOf(status, body) {
  const detail =
    body && typeof body.detail === "string"
      ? body.detail
      : `The service responded with status ${status}.`;
  return new Problem(detail, status, body?.field ?? null);
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Problem("Quoth can’t be reached. Is it running?");
  }
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) throw problemOf(response.status, body);
  return body;
}

function send(path, body, signal) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

function encoded(id) {
  return id.split("/").map(encodeURIComponent).join("/");
}

export const ask = (question, signal) => send("/v1/ask", question, signal);
export const storedAnswer = (id) => request(`/v1/answers/${encodeURIComponent(id)}`);
export const sendFeedback = (feedback) => send("/v1/feedback", feedback);
export const verifyQuote = (citation) => send("/v1/verify", citation);
export const collection = () => request("/page/collection");
export const examples = () => request("/page/examples");

/** The files of synced folders that are not read: the first of them, and their count. */
export const unreadFiles = () => request("/v1/ingestion?limit=1");

/** A document with its text, in the requested version. */
export function readDocument(id, version) {
  return request(
    `/v1/documents/${encoded(id)}${version ? `?version=${encodeURIComponent(version)}` : ""}`,
  );
}

/** The address of the file that a document was read from. */
export const originalFile = (id) => `/v1/documents/${encoded(id)}/original`;

/** The address of the image of a page, with a span of the text marked, in code points. */
export function pageImage(id, version, number, span) {
  const query = new URLSearchParams({
    version,
    ...(span ? { highlight: `${span.start}-${span.end}` } : {}),
  });
  return `/v1/documents/${encoded(id)}/pages/${number}?${query}`;
}

/** Up to `limit` documents after a cursor. */
export function listDocuments(cursor, limit) {
  const query = new URLSearchParams({ limit, ...(cursor ? { cursor } : {}) });
  return request(`/v1/documents?${query}`);
}
