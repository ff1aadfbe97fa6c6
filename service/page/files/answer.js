// The result of a question: an answer, several that disagree, a best guess, or none.

import { WORDING } from "../wording.js";
import { element, icon, titleView } from "./dom.js";
import { excerptView, plain } from "./excerpt.js";
import { feedbackView } from "./feedback.js";
import {
  composedView,
  documentList,
  isComposed,
  particulars,
  passageView,
  reference,
  sentenceView,
  sourceList,
} from "./sources.js";
import { head } from "./text.js";
import { counted, day, percent, sureness } from "./words.js";

const WORTH_SHOWING = 0.1;
const NEAREST = 3;

/** The view of a turn's answer. `actions`: askAnyway, askUnfiltered, openLibrary, voted. */
export function outcomeView(turn, actions) {
  const { answer } = turn;
  if (answer.reply) return [element("p", { class: "reply" }, answer.reply)];
  return [bodyView(answer, actions), feedbackView(turn, actions)];
}

function bodyView(answer, actions) {
  if (answer.best_guess) return unsureView(answer);
  if (!answer.answered) return refusalView(answer, actions);
  return answer.conflict ? conflictView(answer) : answerView(answer);
}

/** What a screen reader announces for an answer. */
export function spoken(answer) {
  if (answer.reply) return answer.reply;
  if (answer.best_guess) return `${WORDING.unsure} ${words(answer.best_guess)}.`;
  if (!answer.answered) return `${WORDING.noAnswer} ${WORDING.refusals[answer.reason]}`;
  const { confidence } = answer.answer;
  const sources = counted(answer.citations.length, "source");
  const start = answer.conflict ? `${WORDING.conflict} One says: ` : "";
  const sure = `${sureness(confidence).words}, ${percent(confidence)}`;
  return `${start}${words(answer.answer)}. ${sure}. ${sources}.`;
}

/** The beginning of what an answer quotes. */
function words({ text, quotes = [] }) {
  const all = quotes.length ? quotes.map((quote) => quote.text).join(" ") : text;
  return plain(all.slice(0, 300));
}

function answerView(answer) {
  return element(
    "div",
    { class: "answer" },
    statementView(answer.answer, answer.citations, answer.id),
    othersView(answer.alternatives, answer.id),
  );
}

function statementView(statement, citations, answerId) {
  const [first] = citations;
  const isInParts = isComposed(statement);
  const quote = isInParts
    ? composedView(statement, citations, answerId)
    : sentenceView(first, reference(first, answerId));
  return [
    element("blockquote", { class: isInParts ? `quote of-${statement.form}` : "quote" }, quote),
    confidenceView(statement.confidence),
    isInParts ? documentList(citations, answerId) : sourceList(citations, answerId),
  ];
}

function unsureView(answer) {
  return element(
    "div",
    { class: "answer unsure" },
    element("p", { class: "headline" }, WORDING.unsure),
    statementView(answer.best_guess, answer.best_guess.citations, answer.id),
    nearestView(answer),
  );
}

function confidenceView(confidence) {
  const { words, bars } = sureness(confidence);
  const meaning = element(
    "p",
    { class: "meaning", hidden: true },
    "Of the answers that Quoth gives with this confidence, about ",
    `${Math.round(confidence * 100)} in 100 are right, `,
    "as measured on questions with known answers.",
  );
  const button = element(
    "button",
    {
      type: "button",
      class: "confidence",
      "aria-expanded": "false",
      onclick: () => {
        meaning.hidden = !meaning.hidden;
        button.setAttribute("aria-expanded", String(!meaning.hidden));
      },
    },
    element(
      "span",
      { class: "gauge", "data-bars": bars, "aria-hidden": "true" },
      Array.from({ length: 5 }, () => element("i")),
    ),
    element("span", { class: "words" }, words),
    element("span", { class: "number" }, percent(confidence)),
    icon("info"),
  );
  return element("div", { class: "sureness" }, button, meaning);
}

function othersView(alternatives, answerId) {
  const others = alternatives.filter(({ confidence }) => confidence >= WORTH_SHOWING);
  if (!others.length) return null;
  return element(
    "details",
    { class: "others" },
    element("summary", {}, counted(others.length, "less likely answer")),
    element(
      "ul",
      {},
      others.map((other) => otherView(other, answerId)),
    ),
  );
}

function otherView(other, answerId) {
  const [citation] = other.citations;
  return element(
    "li",
    {},
    sentenceView(citation),
    element(
      "a",
      { class: "from", href: citation.link, "data-answer": answerId },
      titleView(citation),
      " · ",
      particulars(citation),
    ),
    element("span", { class: "number" }, percent(other.confidence)),
  );
}

/**
 * Each value with all of its sources, newest first. In a conflict, every alternative is one of the
 * values.
 */
function conflictView(answer) {
  const values = [{ ...answer.answer, citations: answer.citations }, ...answer.alternatives];
  values.sort((one, other) => newest(other.citations).localeCompare(newest(one.citations)));
  return element(
    "div",
    { class: "conflict" },
    element("p", { class: "headline" }, WORDING.conflict),
    element("p", { class: "quiet" }, `${counted(values.length, "answer")}, newest first.`),
    element(
      "ol",
      { class: "values" },
      values.map((value) => valueView(value, answer.id)),
    ),
  );
}

function newest(citations) {
  return (
    citations
      .map(({ published }) => published ?? "")
      .sort()
      .at(-1) ?? ""
  );
}

function valueView(value, answerId) {
  const date = newest(value.citations);
  const [first] = value.citations;
  const text = head(value.text, 300);
  return element(
    "li",
    {},
    element(
      "p",
      { class: "date" },
      date ? element("time", { datetime: date }, day(date)) : "No date",
    ),
    element(
      "p",
      { class: "value", dir: "auto" },
      excerptView(text, { start: 0, end: text.length }),
    ),
    element("blockquote", {}, sentenceView(first)),
    element(
      "p",
      { class: "quiet" },
      `${sureness(value.confidence).words}, ${percent(value.confidence)}`,
    ),
    sourceList(
      value.citations.map((citation) => ({ ...citation, number: 1 })),
      answerId,
    ),
  );
}

function refusalView(answer, actions) {
  return element(
    "div",
    { class: "refusal" },
    element("p", { class: "headline" }, WORDING.noAnswer),
    element("p", { class: "quiet" }, WORDING.refusals[answer.reason]),
    element("div", { class: "offers" }, offers(answer, actions)),
    nearestView(answer),
  );
}

function nearestView(answer) {
  const nearest = answer.passages.slice(0, NEAREST);
  if (!nearest.length) return null;
  return [
    element("h3", {}, WORDING.nearest),
    element(
      "ul",
      { class: "passages" },
      nearest.map((passage) => passageView(passage, answer.id)),
    ),
  ];
}

function offers(answer, actions) {
  const offer = (label, onclick) =>
    element("button", { type: "button", class: "button small", onclick }, label);
  if (answer.reason === "low_confidence") return offer("Show the best guess", actions.askAnyway);
  if (answer.reason === "filter_excludes_all")
    return offer("Ask without filters", actions.askUnfiltered);
  if (answer.reason === "nothing_retrieved") return offer("Add documents", actions.openLibrary);
  return null;
}
