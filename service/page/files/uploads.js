// Uploads of files, one after the other, each with its own progress and error.

import { problemOf, Problem } from "./api.js";
import { element, foreign, icon, notesView, part } from "./dom.js";
import { counted, size } from "./words.js";

const REPORT_EVERY_MS = 2000;

/** The queue of uploads. `added()` is called every few seconds during uploads, and at the end. */
export class Uploads {
  constructor(added) {
    this.added = added;
    this.waiting = [];
    this.isRunning = false;
    this.count = noneYet();
    this.limits = { max_document_bytes: Infinity };
    window.addEventListener("beforeunload", (event) => {
      if (this.isRunning) event.preventDefault();
    });
  }

  /** Queue files, each {file, name}. All of them get the `tags`. */
  add(files, tags) {
    if (!files.length) return;
    if (!this.isRunning && !this.count.asked) this.count = noneYet();
    for (const { file, name } of files) {
      const row = rowOf(name, file.size);
      part("uploads-list").prepend(row.node);
      this.waiting.push({ file, name, tags, row });
    }
    this.count.total += files.length;
    part("uploads").hidden = false;
    this.sum();
    if (!this.isRunning) this.run();
  }

  async run() {
    this.isRunning = true;
    let reported = Date.now();
    while (this.waiting.length) {
      const upload = this.waiting.shift();
      try {
        const { documents } = await this.send(upload);
        upload.row.finish(outcome(documents[0]), "done", documents[0].notes);
      } catch (fault) {
        if (fault.status === 409) this.askToReplace(upload);
        else {
          upload.row.finish(withoutName(fault.message, upload.name), "failed");
          this.count.failed += 1;
        }
      }
      this.count.done += 1;
      this.sum();
      if (Date.now() - reported > REPORT_EVERY_MS) {
        reported = Date.now();
        this.added();
      }
    }
    this.isRunning = false;
    this.added();
  }

  /** Ask whether a file may replace a document of the same name that is from elsewhere. */
  askToReplace(upload) {
    this.count.asked += 1;
    const decide = (act) => {
      this.count.asked -= 1;
      act();
      this.sum();
    };
    const replace = () => {
      this.count.done -= 1;
      upload.row.wait();
      this.waiting.push({ ...upload, replace: true });
      if (!this.isRunning) this.run();
    };
    const leave = () => {
      this.count.left += 1;
      upload.row.finish("Not added", "left");
    };
    upload.row.ask(
      "There is a document of this name with another text.",
      () => decide(replace),
      () => decide(leave),
    );
  }

  async send({ file, name, tags, replace, row }) {
    if (file.size > this.limits.max_document_bytes) {
      throw new Problem(
        `The file is ${size(file.size)}; the limit is ${size(this.limits.max_document_bytes)}.`,
      );
    }
    const form = new FormData();
    form.append("files", file, name);
    for (const tag of tags) form.append("tags", tag);
    if (replace) form.append("replace", "true");
    return post(form, row);
  }

  sum() {
    const { total, done, failed, asked, left } = this.count;
    const parts = [`${counted(done - failed - asked - left, "file")} added`];
    if (failed) parts.push(`${failed} failed`);
    if (asked) parts.push(`${asked} to decide`);
    part("uploads-summary").textContent =
      done < total ? `Adding ${done + 1} of ${total}` : `${parts.join(", ")}.`;
  }
}

function noneYet() {
  return { total: 0, done: 0, failed: 0, asked: 0, left: 0 };
}

/** Send a form by XMLHttpRequest, which reports the progress of an upload; fetch does not. */
function post(form, row) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/documents");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => row.move(event.loaded / event.total));
    request.upload.addEventListener("load", () => row.move(null));
    request.addEventListener("load", () =>
      request.status === 200 && request.response
        ? resolve(request.response)
        : reject(problemOf(request.status, request.response)),
    );
    request.addEventListener("error", () =>
      reject(
        new Problem("The upload failed: the file can’t be read, or Quoth can’t be reached."),
      ),
    );
    request.addEventListener("abort", () => reject(new Problem("Stopped.")));
    row.stop.addEventListener("click", () => request.abort());
    request.send(form);
  });
}

function outcome({ status, chunks }) {
  if (status === "unchanged") return "Already added";
  return `${status === "updated" ? "Updated" : "Added"}, ${counted(chunks, "passage")}`;
}

/** The message without the file name that the service puts first, since the row shows the name. */
function withoutName(message, name) {
  const rest = message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
  return rest[0].toUpperCase() + rest.slice(1);
}

function rowOf(name, bytes) {
  const state = element("span", { class: "state" }, "Waiting");
  const progress = element("progress", {
    max: "1",
    value: "0",
    "aria-label": `Progress of ${name}`,
  });
  const stop = element(
    "button",
    { type: "button", class: "plain icon", "aria-label": `Stop adding ${name}`, hidden: true },
    icon("cross"),
  );
  const node = element(
    "li",
    { "data-state": "waiting" },
    foreign("span", name, { class: "name" }),
    element("span", { class: "size" }, size(bytes)),
    state,
    progress,
    stop,
  );
  return {
    node,
    stop,
    move(share) {
      node.dataset.state = "moving";
      stop.hidden = false;
      if (share === null) progress.removeAttribute("value");
      else progress.value = share;
      state.textContent =
        share === null ? "Reading and indexing" : `${Math.round(share * 100)}\u202f%`;
    },
    wait() {
      node.dataset.state = "waiting";
      state.textContent = "Waiting";
      progress.value = 0;
    },
    /** Ask whether to replace a document; one of the functions is called with the answer. */
    ask(question, replace, leave) {
      node.dataset.state = "asked";
      stop.hidden = true;
      const button = (label, kind, onclick) =>
        element("button", { type: "button", class: `${kind} small`, onclick }, label);
      state.replaceChildren(
        element("span", {}, question),
        element(
          "span",
          { class: "row" },
          button("Replace it", "button", replace),
          button("Don’t add", "plain", leave),
        ),
      );
    },
    finish(text, result, notes = []) {
      node.dataset.state = result;
      state.replaceChildren(...(result === "done" ? [icon("tick")] : []), text);
      progress.remove();
      stop.remove();
      if (notes.length) node.append(notesView(notes));
    },
  };
}
