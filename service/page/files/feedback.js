// Feedback on an answer, and the passage with the right answer.

import { Problem, sendFeedback, storedAnswer, verifyQuote } from "./api.js";
import { announce, copyFrom, element, icon } from "./dom.js";
import { plain } from "./excerpt.js";
import { isComposed, passageView } from "./sources.js";

const OFFERED = 4;

/**
 * Thumbs up and down, and below them the questions that follow a thumbs-down. `actions.voted()` is
 * called when the service has saved a vote.
 */
export function feedbackView(turn, actions) {
  const status = element("p", { class: "quiet", role: "status" });
  const asked = element("div", { class: "asked-back", hidden: true });
  const up = thumb("up", "Helpful");
  const down = thumb("down", turn.answer.answered || turn.answer.best_guess ? "Not right" : "The answer is there");
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
    actions.voted();
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
  const { title, file_name, published, page } = first;
  const name = file_name === title ? null : file_name;
  const particulars = [title, name, published, page && `page ${page}`].filter(Boolean).join(", ");
  const address = new URL(first.link, location.origin);
  const { quotes } = answer.answer;
  const quoted = isComposed(answer.answer)
    ? quotes.map((quote) => `“${plain(quote.text)}”`).join("\n")
    : `“${plain(first.sentence.text)}”`;
  const text = `${quoted}\n${particulars}\n${address}`;
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
    "aria-label": "What is the right answer?",
    placeholder: "What is the right answer? (optional)",
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
            "Is the answer in one of these? Open it and select the words, or use it as a whole.",
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
  const button = element("button", { type: "button", class: "button small" }, "Use this passage");
  button.addEventListener("click", async () => {
    const span = { ...passage, quote: passage.text };
    if (await tried(() => keepRightPassage(turn.answer.id, span), status))
      button.replaceChildren("Saved");
  });
  return button;
}

/**
 * Save a passage as the right one for a question. The passage is first looked up in the document's
 * current version, since its offsets may have changed.
 */
export async function keepRightPassage(answerId, { document_id, version, start, end, quote }) {
  const [answer, now] = await Promise.all([
    storedAnswer(answerId),
    verifyQuote({ document_id, version, start, end, quote }),
  ]);
  if (now.start === null)
    throw new Problem("The document has changed, and these words are no longer in it.");
  const isCited = answer.citations.some(
    (cited) => cited.document_id === document_id && cited.start < end && start < cited.end,
  );
  const correct = { document_id, start: now.start, end: now.end };
  await sendFeedback({ answer_id: answerId, helpful: isCited, correct });
}

function keep(feedback, status) {
  return tried(() => sendFeedback(feedback), status);
}

/** Run an action and show its result; whether it succeeded. */
async function tried(action, status) {
  try {
    await action();
    status.textContent = "Thank you.";
    return true;
  } catch (fault) {
    status.textContent = fault.message;
    announce(fault.message);
    return false;
  }
}
