// A turn of the conversation on the page: the question, how it was understood, and its result.

import { outcomeView } from "./answer.js";
import { element, foreign, icon } from "./dom.js";

/** The view of one turn. `actions`: ask(question, isComplete), retry, and those of outcomeView. */
export class TurnView {
  constructor(turn, actions) {
    this.turn = turn;
    this.actions = actions;
    this.asked = element("div", { class: "asked" });
    this.outcome = element("div", { class: "outcome" });
    this.node = element("li", { class: "turn" }, this.asked, this.outcome);
    this.showQuestion();
  }

  showQuestion() {
    const { question, answer } = this.turn;
    const resolved = answer?.resolved_question;
    const heading = foreign("h2", question, { tabindex: "-1" });
    const line = element(
      "div",
      { class: "line" },
      heading,
      this.pen("Edit the question", question, false),
    );
    const isResolved = resolved && resolved !== question;
    this.asked.replaceChildren(line, ...(isResolved ? [this.understood(resolved)] : []));
  }

  understood(resolved) {
    return element(
      "p",
      { class: "understood" },
      "Understood as ",
      foreign("q", resolved),
      this.pen("Edit how the question was understood", resolved, true),
    );
  }

  pen(label, text, isComplete) {
    const attributes = {
      type: "button",
      class: "plain icon pen",
      "aria-label": label,
      title: label,
    };
    return element(
      "button",
      { ...attributes, onclick: () => this.edit(text, isComplete) },
      icon("pen"),
    );
  }

  /**
   * Replace the question with a form. A complete question is asked without the conversation before
   * it.
   */
  edit(text, isComplete) {
    const field = element("textarea", {
      rows: "2",
      maxlength: "1000",
      dir: "auto",
      "aria-label": "The question",
    });
    field.value = text;
    const submit = () => field.value.trim() && this.actions.ask(field.value.trim(), isComplete);
    const cancel = () => {
      this.showQuestion();
      this.asked.querySelector("button").focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") cancel();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    });
    const form = element(
      "form",
      {
        class: "edit",
        onsubmit: (event) => {
          event.preventDefault();
          submit();
        },
      },
      field,
      element(
        "div",
        { class: "row" },
        element("button", { class: "button small first" }, "Ask"),
        element("button", { type: "button", class: "plain small", onclick: cancel }, "Cancel"),
      ),
    );
    this.asked.replaceChildren(form);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  showWaiting() {
    this.showQuestion();
    this.node.setAttribute("aria-busy", "true");
    this.outcome.replaceChildren(
      element(
        "div",
        { class: "waiting" },
        element("p", { class: "quiet" }, "Reading your documents"),
        element("i"),
        element("i"),
        element("i"),
      ),
    );
  }

  showOutcome() {
    this.node.removeAttribute("aria-busy");
    this.showQuestion();
    this.outcome.replaceChildren(...outcomeView(this.turn, this.actions));
  }

  showFault(message) {
    this.node.removeAttribute("aria-busy");
    this.outcome.replaceChildren(
      element(
        "div",
        { class: "broken", role: "alert" },
        element("p", {}, message),
        element(
          "button",
          { type: "button", class: "button small", onclick: this.actions.retry },
          "Try again",
        ),
      ),
    );
  }
}
