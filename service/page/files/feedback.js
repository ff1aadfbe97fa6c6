// Feedback on an answer, and on where the right answer is.

import { Problem, sendFeedback, storedAnswer, verifyQuote } from "./api.js";
import { announce, copyFrom, element, icon } from "./dom.js";
import { passageView } from "./sources.js";

const OFFERED = 4;

/** Thumbs, and questions after a thumbs-down. `actions.said()` is called when feedback was kept. */
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
  const link = new URL(first.link, location.origin);
  const text = `“${first.sentence.text}”\n${particulars}\n${link}`;
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
            "Is the answer in one of these? Open it and select the words, or choose all of it.",
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

/** Record where the answer to a question is, in the present version of the document. */
export async function keepRightPassage(answerId, { document_id, version, start, end, quote }) {
  const [answer, now] = await Promise.all([
    storedAnswer(answerId),
    verifyQuote({ document_id, version, start, end, quote }),
  ]);
  if (now.start === null)
    throw new Problem("The document has changed since, and no longer contains these words.");
  const isCited = answer.citations.some(
    (cited) => cited.document_id === document_id && cited.start < end && start < cited.end,
  );
  const correct = { document_id, start: now.start, end: now.end };
  await sendFeedback({ answer_id: answerId, helpful: isCited, correct });
}

function keep(feedback, status) {
  return tried(() => sendFeedback(feedback), status);
}

/** Do it, announce the result, and return whether it succeeded. */
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
