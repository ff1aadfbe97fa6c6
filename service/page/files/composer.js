// The form in which questions are typed.

import { part } from "./dom.js";
import { pointsIn } from "./text.js";
import { counted } from "./words.js";

const LIMIT = 1000;
const NEAR = 100;

/**
 * The form below the conversation. It calls `asked(question)` for each question, and `stopped()` to
 * stop the current one.
 */
export class Composer {
  constructor(asked, stopped) {
    this.field = part("question");
    this.button = part("send");
    this.isBusy = false;
    this.asked = asked;
    this.stopped = stopped;
    part("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.isBusy) this.submit();
    });
    this.field.addEventListener("input", () => this.measure());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping()) return;
      event.preventDefault();
      this.focus();
    });
  }

  submit() {
    if (this.isBusy) return this.stopped();
    const question = this.field.value.trim();
    if (!question || pointsIn(question) > LIMIT) return this.focus();
    this.field.value = "";
    this.measure();
    return this.asked(question);
  }

  /** While the page waits for an answer, the button stops the question. */
  busy(isBusy) {
    this.isBusy = isBusy;
    this.button.setAttribute("aria-label", isBusy ? "Stop" : "Ask");
    this.button.querySelector("use").setAttribute("href", isBusy ? "#stop" : "#arrow");
  }

  invite(text) {
    this.field.placeholder = text;
  }

  /** Put text into the field for the user to edit. */
  put(text) {
    this.field.value = text;
    this.measure();
    this.focus();
  }

  focus() {
    this.field.focus();
  }

  measure() {
    const left = LIMIT - pointsIn(this.field.value.trim());
    const hint =
      left < 0 ? `${counted(-left, "character")} too long` : `${counted(left, "character")} left`;
    part("length").textContent = left < NEAR ? hint : "";
    part("length").classList.toggle("fault", left < 0);
  }
}

function isTyping() {
  const { activeElement } = document;
  return (
    activeElement?.matches("input, textarea, select, [contenteditable]") ||
    document.querySelector("dialog[open]") !== null
  );
}
