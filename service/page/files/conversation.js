// The conversation of this tab. It survives a reload: the tab's session storage keeps the questions
// and the ids of their answers.

import { WORDING } from "../wording.js";
import { storedAnswer } from "./api.js";

const KEY = "quoth-conversation";
const MAX_HISTORY = 20;
const MAX_TURN = 4000;

/**
 * The turns of a conversation. A turn has a question as it was last asked, its answer (null until
 * there is one), and the user's vote (null if there is none).
 */
export class Conversation {
  constructor() {
    this.turns = [];
  }

  add(question) {
    const turn = { question, answer: null, vote: null };
    this.turns.push(turn);
    return turn;
  }

  remove(turn) {
    this.turns = this.turns.filter((other) => other !== turn);
    this.save();
  }

  clear() {
    this.turns = [];
    this.save();
  }

  /** The turns before this one, in the form of /v1/ask: the last twenty messages, oldest first. */
  historyBefore(turn) {
    return this.turns
      .slice(0, this.turns.indexOf(turn))
      .filter(({ answer }) => answer !== null && !answer.reply)
      .flatMap(({ question, answer }) => [
        { role: "user", text: question },
        { role: "assistant", text: (answer.answer?.text ?? WORDING.noAnswer).slice(0, MAX_TURN) },
      ])
      .slice(-MAX_HISTORY);
  }

  save() {
    const kept = this.turns
      .filter(({ answer }) => answer !== null)
      .map(({ question, answer, vote }) => ({ question, id: answer.id, vote }));
    try {
      sessionStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // Storage is full or turned off, so the conversation lasts until a reload.
    }
  }

  /**
   * Restore the saved conversation. The service deletes an answer together with its document; the
   * turn of such an answer is left out.
   */
  async restore() {
    const kept = saved();
    const answers = await Promise.all(kept.map(({ id }) => storedAnswer(id).catch(() => null)));
    this.turns = kept
      .map(({ question, vote }, index) => ({
        question,
        vote: vote ?? null,
        answer: answers[index],
      }))
      .filter(({ answer }) => answer !== null);
  }
}

function saved() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept)
      ? kept.filter((turn) => typeof turn?.id === "string" && typeof turn.question === "string")
      : [];
  } catch {
    return [];
  }
}

/** Whether there is a saved conversation. */
export function isConversationKept() {
  return saved().length > 0;
}
