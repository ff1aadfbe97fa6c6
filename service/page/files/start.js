// What the page shows before the first question.

import { element, foreign, icon } from "./dom.js";
import { counted, day } from "./words.js";

/**
 * Example questions and the size of the collection, or a button that adds documents if there are
 * none. `actions`: ask, openLibrary.
 */
export function startView(collection, questions, actions) {
  if (collection.documents === 0) return nothingYet(actions);
  const list = questions.length
    ? [
        element("h2", { class: "quiet" }, "Questions your documents can answer"),
        element(
          "ul",
          { class: "examples" },
          questions.map((question) => example(question, actions)),
        ),
      ]
    : [];
  return [...list, element("p", { class: "quiet holds" }, holds(collection))];
}

function example(question, actions) {
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", onclick: () => actions.ask(question) },
      foreign("span", question),
      icon("arrow"),
    ),
  );
}

function nothingYet(actions) {
  return [
    element(
      "div",
      { class: "nothing" },
      element("p", {}, element("b", {}, "There are no documents yet.")),
      element("p", { class: "quiet" }, "Drop files anywhere on this page, or choose some."),
      element(
        "button",
        { type: "button", class: "button first", onclick: actions.openLibrary },
        "Add documents",
      ),
    ),
  ];
}

function holds({ documents, published_from: from, published_to: to }) {
  const number = counted(documents, "document");
  if (!from) return number;
  return from === to ? `${number}, ${day(from)}` : `${number}, ${day(from)} to ${day(to)}`;
}
