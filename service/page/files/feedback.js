// What people say of an answer, and where the right one stands.

import { Problem, sendFeedback, storedAnswer, verifyQuote } from "./api.js";
import { announce, copyFrom, element, icon } from "./dom.js";
import { passageView } from "./sources.js";

const OFFERED = 4;

/** Thumbs, and below them what a thumbs-down asks. `actions.said()` is called when something was kept. */
export function feedbackView(turn, actions) {
  const status = element("p", { class: "quiet", role: "status" });
  const asked = element("div", { class: "asked-back", hidden: true });
  const up = thumb("up", "Helpful");
  const down = thumb("down", turn.answer.answered ? "Not right" : "They do say");
  const show = () => {
    up.setAttribute("aria-pressed", String(turn.vote === true));
    down.setAttribute("aria-pressed", String(turn.vote === false));
  };
  const vote = async (helpful) => {
    if (!(await keep({ answer_id: turn.answer.id, helpful }, status))) return;
    turn.vote = helpful;
    show();
    asked.replaceChildren(...(helpful ? [] : [askBack(turn, status)]));
    asked.hidden = helpful;
    actions.said();
  };
  up.addEventListener("click", () => vote(true));
  down.addEventListener("click", () => vote(false));
  show();
  return element(
    "div",
    { class: "feedback" },
    element("div", { class: "row" }, up, down, copying(turn.answer), status),
    asked,
  );
}

function thumb(name, label) {
  return element(
    "button",
    { type: "button", class: "plain small thumb", "aria-pressed": "false" },
    icon(name),
    element("span", {}, label),
  );
}

function copying(answer) {
  if (!answer.answered) return null;
  const [first] = answer.citations;
  const particulars = [first.title, first.published, first.page ? `page ${first.page}` : null]
    .filter(Boolean)
    .join(", ");
  const text = `“${first.sentence.text}”\n${particulars}\n${new URL(first.link, location.origin)}`;
  const button = element(
    "button",
    { type: "button", class: "plain small" },
    icon("copy"),
    element("span", {}, "Copy quote"),
  );
  button.addEventListener("click", () => copyFrom(button, text));
  return button;
}

function askBack(turn, status) {
  const comment = element("textarea", {
    rows: "2",
    maxlength: "10000",
    "aria-label": "What would be right?",
    placeholder: "What would be right? (optional)",
  });
  const form = element(
    "form",
    {
      class: "comment",
      onsubmit: async (event) => {
        event.preventDefault();
        const text = comment.value.trim();
        if (!text) return comment.focus();
        if (await keep({ answer_id: turn.answer.id, helpful: false, comment: text }, status))
          form.remove();
      },
    },
    comment,
    element("button", { class: "button small" }, "Send"),
  );
  const passages = turn.answer.passages.slice(0, OFFERED);
  return element(
    "div",
    {},
    form,
    passages.length
      ? [
          element(
            "p",
            { class: "quiet" },
            "Does the answer stand in one of these? Open it and select the words, or take it whole.",
          ),
          element(
            "ul",
            { class: "passages" },
            passages.map((passage) =>
              passageView(passage, turn.answer.id, takeWhole(turn, passage, status)),
            ),
          ),
        ]
      : null,
  );
}

function takeWhole(turn, passage, status) {
  const button = element("button", { type: "button", class: "button small" }, "This passage");
  button.addEventListener("click", async () => {
    const place = { ...passage, quote: passage.text };
    if (await tried(() => keepRightPassage(turn.answer.id, place), status))
      button.replaceChildren("Kept");
  });
  return button;
}

/** Keep that the answer to a question stands at a place, wherever that is in the document's present version. */
export async function keepRightPassage(answerId, { document_id, version, start, end, quote }) {
  const [answer, now] = await Promise.all([
    storedAnswer(answerId),
    verifyQuote({ document_id, version, start, end, quote }),
  ]);
  if (now.start === null)
    throw new Problem("The document has changed since; these words are no longer in it.");
  const isCited = answer.citations.some(
    (cited) => cited.document_id === document_id && cited.start < end && start < cited.end,
  );
  const correct = { document_id, start: now.start, end: now.end };
  await sendFeedback({ answer_id: answerId, helpful: isCited, correct });
}

function keep(feedback, status) {
  return tried(() => sendFeedback(feedback), status);
}

/** Do it, and say how it went; whether it went well. */
async function tried(doing, status) {
  try {
    await doing();
    status.textContent = "Thank you.";
    return true;
  } catch (fault) {
    status.textContent = fault.message;
    announce(fault.message);
    return false;
  }
}
