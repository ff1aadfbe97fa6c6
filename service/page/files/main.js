// The page: connects its parts and keeps them in step with the address.

import * as api from "./api.js";
import { spoken } from "./answer.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { announce, part } from "./dom.js";
import { startDropping } from "./dropped.js";
import { Filters } from "./filters.js";
import { Library } from "./library.js";
import { placeOf } from "./places.js";
import { Reader } from "./reader.js";
import { startView } from "./start.js";
import { startTheme } from "./theme-button.js";
import { TurnView } from "./turn.js";
import { Uploads } from "./uploads.js";

const conversation = new Conversation();
const views = new Map();
const filters = new Filters(() => {});
const uploads = new Uploads(() => refresh());
const library = new Library(uploads);
const composer = new Composer(
  (question) => askNew(question),
  () => asking?.abort(),
);
const reader = new Reader(part("reader"), { close: closeReader, askWithin });

let asking = null;
let known = null;
let opener = null;

function actionsOf(turn) {
  return {
    ask: (edited, isComplete) => ask(turn, edited, isComplete ? { history: [] } : {}),
    retry: () => ask(turn, turn.question),
    askAnyway: () => ask(turn, turn.question, { min_confidence: 0 }),
    askUnfiltered: () => {
      filters.clear();
      ask(turn, turn.question);
    },
    openLibrary: () => library.open(),
    voted: () => conversation.save(),
  };
}

function askNew(question) {
  const turn = conversation.add(question);
  place(turn);
  showState();
  return ask(turn, question);
}

/** Ask a question, and show the result in the turn. */
async function ask(turn, question, options = {}) {
  asking?.abort();
  const mine = new AbortController();
  const before = { ...turn };
  asking = mine;
  Object.assign(turn, { question, answer: null, vote: null });
  composer.busy(true);
  const view = views.get(turn);
  view.showWaiting();
  view.node.scrollIntoView({ block: "start" });
  try {
    turn.answer = await api.ask(requestFor(turn, options), mine.signal);
    view.showOutcome();
    conversation.save();
    announce(spoken(turn.answer));
    if (turn.answer.generation !== known?.generation) refresh();
  } catch (fault) {
    if (fault.name === "AbortError") withdraw(turn, before);
    else view.showFault(fault.message);
  } finally {
    if (asking === mine) {
      asking = null;
      composer.busy(false);
    }
  }
}

function requestFor(turn, options) {
  const narrowed = filters.value;
  return {
    question: turn.question,
    history: conversation.historyBefore(turn),
    ...(narrowed ? { filters: narrowed } : {}),
    ...options,
  };
}

/** Put a stopped question back into the form, or show the answer that the turn had before. */
function withdraw(turn, before) {
  const view = views.get(turn);
  if (!view) return; // The user has started a new conversation.
  if (before.answer) {
    Object.assign(turn, before);
    view.showOutcome();
    return;
  }
  conversation.remove(turn);
  view.node.remove();
  views.delete(turn);
  showState();
  if (!composer.field.value) composer.put(turn.question);
}

function place(turn) {
  const view = new TurnView(turn, actionsOf(turn));
  views.set(turn, view);
  part("thread").append(view.node);
  return view;
}

function showState() {
  const isEmpty = conversation.turns.length === 0;
  part("conversation").toggleAttribute("data-empty", isEmpty);
  part("fresh").hidden = isEmpty;
  composer.invite(isEmpty ? "Ask a question" : "Ask a follow-up question");
}

function startAnew() {
  asking?.abort();
  conversation.clear();
  views.clear();
  part("thread").replaceChildren();
  if (!reader.panel.hidden) closeReader();
  showState();
  composer.focus();
}

/** Update what the page shows of the collection. */
async function refresh() {
  try {
    known = await api.collection();
  } catch {
    return; // The next question will show that the service cannot be reached.
  }
  part("held").textContent = String(known.documents);
  filters.offer(known);
  library.offer(known);
  library.refresh();
  uploads.limits = known;
  if (conversation.turns.length === 0) await showStart();
}

async function showStart() {
  const actions = { ask: askNew, openLibrary: () => library.open() };
  const draw = (questions) =>
    part("start").replaceChildren(...startView(known, questions, actions));
  draw([]);
  if (known.documents === 0 || uploads.isRunning) return;
  const { questions } = await api.examples().catch(() => ({ questions: [] }));
  draw(questions);
}

function askWithin(document) {
  filters.only(document);
  if (location.pathname !== "/" && !isBeside()) history.pushState(null, "", "/");
  followAddress();
  composer.focus();
}

// -- the address: / is the conversation, and /documents/… is a document. A document that was opened
// from the conversation is shown beside it.

function isBeside() {
  return history.state?.beside === true;
}

function openDocument(link, answerId, page) {
  const state = { beside: true, answer: answerId ?? null, page };
  if (reader.panel.hidden) history.pushState(state, "", link);
  else history.replaceState({ ...state, beside: isBeside() }, "", link);
  followAddress();
}

function closeReader() {
  if (isBeside()) history.back();
  else {
    history.pushState(null, "", "/");
    followAddress();
  }
}

function followAddress() {
  const shown = placeOf(location.href);
  document.body.dataset.view = shown ? (isBeside() ? "both" : "document") : "conversation";
  if (shown) {
    reader.open(shown, history.state?.answer ?? null, history.state?.page ?? null);
    return;
  }
  reader.close();
  opener?.focus({ preventScroll: true });
  opener = null;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (
    !link ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  if (link.target || !placeOf(link.href)) return;
  event.preventDefault();
  if (reader.panel.hidden) opener = link;
  openDocument(
    link.href,
    link.dataset.answer ?? (part("reader").contains(link) ? history.state?.answer : null),
    link.dataset.page ? Number(link.dataset.page) : null,
  );
});
document.addEventListener("keydown", (event) => {
  const isElsewhere = document.querySelector("dialog[open]") || event.target.closest("form");
  if (event.key === "Escape" && !reader.panel.hidden && isBeside() && !isElsewhere) closeReader();
});
window.addEventListener("popstate", followAddress);
window.addEventListener(
  "visibilitychange",
  () => document.visibilityState === "visible" && refresh(),
);
part("fresh").addEventListener("click", startAnew);

startTheme();
startDropping(
  (files, skipped) => library.take(files, skipped),
  () => known?.suffixes ?? [],
);
if (placeOf(location.href) && isBeside())
  history.replaceState({ ...history.state, beside: false }, "");
followAddress();
await conversation.restore();
for (const turn of conversation.turns) place(turn).showOutcome();
showState();
await refresh();
if (location.pathname === "/" && matchMedia("(hover: hover)").matches) composer.focus();
