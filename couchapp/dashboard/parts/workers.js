// The workers: how many in each state, and a page of them with what may be asked of them.

import { offered, wish } from "../acts/workers.js";
import { el, fill, reconcile, told } from "../lib/dom.js";
import { askPage, askStates, isSilent, whyResting, wishOf } from "../state/workers.js";
import { ago, count, plainName, plural } from "../state/words.js";
import { askFor, field } from "./dialogs.js";
import { fauxtonLink } from "./links.js";

const WORDS = {
  run: ["Resume", "resumed", "It takes jobs again."],
  pause: ["Pause", "paused", "What runs goes on; nothing new is begun."],
  drain: ["Drain", "drained", "It ends what runs, begins nothing more, and stays."],
  stop: ["Stop", "stopped", "It ends at once; what runs goes back to the queue."],
  restart: ["Restart", "restarted", "It ends what runs and begins anew."],
};

export class Workers {
  topics = ["worker"];

  constructor(farm) {
    this.farm = farm;
    this.chosen = { state: null, prefix: "" };
    this.pages = [null];
    this.chips = el("div", { class: "chips", role: "group", "aria-label": "State" });
    this.body = el("tbody");
    this.shown = el("output", { class: "dim" });
    this.element = this.#build();
  }

  async ask() {
    const { couch, places } = this.farm;
    const start = this.pages[this.pages.length - 1];
    const [states, page] = await Promise.all([askStates(couch, places), askPage(couch, places, { ...this.chosen, start })]);
    return { states, ...page };
  }

  show({ states, workers, next }) {
    this.next = next;
    this.total = states.reduce((sum, row) => sum + row.workers, 0);
    this.#showChips(states);
    reconcile(this.body, workers, (worker) => worker._id, (worker) => this.#row(worker));
    this.older.disabled = !next;
    this.newer.disabled = this.pages.length < 2;
    this.element.classList.toggle("is-empty", !workers.length);
    const page = this.pages.length > 1 || next ? `page ${this.pages.length}, ` : "";
    fill(this.shown, `${page}${plural(workers.length, "worker")} shown of ${count(this.total)}`);
  }

  tick(now) {
    for (const row of this.body.rowsByKey?.values() || []) row.tick(now);
  }

  #build() {
    const search = el("input", { id: "worker-name", type: "search", autocomplete: "off", oninput: () => this.#choose({ state: null, prefix: search.value.trim() }) });
    this.newer = el("button", { type: "button", disabled: true, onclick: () => this.#turn(-1) }, "Previous");
    this.older = el("button", { type: "button", disabled: true, onclick: () => this.#turn(1) }, "Next");
    const heads = ["Worker", "State", "Runs", "Machine", "Heard of", ""].map((text) => el("th", { scope: "col" }, text || el("span", { class: "heard" }, "Acts")));
    return el("section", { "aria-labelledby": "workers-title" },
      el("h1", { id: "workers-title" }, "Workers"),
      this.chips,
      el("div", { class: "filter" }, el("label", { for: "worker-name" }, "Name begins with"), search, this.shown),
      el("table", { class: "cards workers" }, el("caption", { class: "heard" }, "Workers"), el("thead", {}, el("tr", {}, heads)), this.body),
      el("p", { class: "empty" }, "No worker here."),
      el("nav", { class: "pager", "aria-label": "Pages of workers" }, this.newer, this.older));
  }

  #showChips(states) {
    const all = { state: null, workers: this.total };
    reconcile(this.chips, [all, ...states], (row) => row.state ?? "", (row) => {
      const number = el("b");
      const element = el("button", { type: "button", class: `chip of-${row.state ?? "all"}`, onclick: () => this.#choose({ state: row.state, prefix: "" }) },
        el("span", {}, told(row.state ?? "all", 20)), number);
      return { element, update: (now) => {
        fill(number, count(now.workers));
        element.setAttribute("aria-pressed", String(this.chosen.state === now.state && !this.chosen.prefix));
      } };
    });
  }

  #choose(chosen) {
    this.chosen = chosen;
    this.pages = [null];
    this.farm.refresh(this);
  }

  #turn(step) {
    if (step > 0 && this.next) this.pages.push(this.next);
    else if (step < 0 && this.pages.length > 1) this.pages.pop();
    this.farm.refresh(this);
  }

  #row(first) {
    let worker = first;
    const cells = { state: el("td", { "data-label": "State" }), runs: el("td", { "data-label": "Runs" }), machine: el("td", { "data-label": "Machine", class: "dim" }) };
    const heard = el("td", { "data-label": "Heard of" });
    const acts = el("td", { class: "acts" });
    const element = el("tr", {}, el("th", { scope: "row" }, told(plainName(first._id), 60), " ", fauxtonLink(this.farm.places.root, this.farm.places.status, first._id)), cells.state, cells.runs, cells.machine, heard, acts);
    const tick = (now) => {
      fill(heard, el("span", { class: isSilent(worker, now) ? "late" : "" }, ago(worker.heartbeat_at, now)));
    };
    const update = (now) => {
      if (worker._rev === now._rev && cells.state.firstChild) return;
      worker = now;
      fill(cells.state, ...stateOf(worker));
      fill(cells.runs, ...runs(worker));
      fill(cells.machine, told(`${worker.os_name} ${worker.os_version} ${worker.cpu_name}`, 60));
      this.#showActs(acts, worker, () => worker);
      tick(this.farm.couch.now());
    };
    return { element, update, tick };
  }

  #showActs(cell, worker, latest) {
    const words = this.farm.rights.write ? offered(worker) : [];
    reconcile(cell, words, (word) => word, (word) => ({
      element: el("button", { type: "button", class: "act", onclick: () => this.#wish(word, latest()) }, WORDS[word][0]),
    }));
  }

  async #wish(desired, worker) {
    const [button, done, meaning] = WORDS[desired];
    const name = plainName(worker._id);
    const asked = await askFor([`${button} `, told(name, 60)], meaning, field("Reason, for the worker's owner", "reason"), button);
    if (asked === null) return;
    const move = (seen) => wish(seen, desired, asked.reason.trim(), this.farm.user.name);
    await this.farm.write(this.farm.places.status, worker, move, [told(name, 60), ` is to be ${done}`]);
  }
}

function stateOf(worker) {
  const wished = wishOf(worker);
  const why = whyResting(worker);
  return [
    el("span", { class: `state of-${worker.state}` }, told(worker.state, 20)),
    wished && el("span", { class: "wished" }, ` ${wished.word === "quarantine" ? "in quarantine" : `is to ${wished.word}`}`, wished.by ? [", by ", told(wished.by, 40)] : ""),
    why && el("span", { class: "under" }, told(why, 160)),
  ];
}

function runs(worker) {
  const jobs = worker.running || [];
  const shown = jobs.slice(0, 3).map((id) => el("code", { class: "job" }, told(plainName(id), 40)));
  return [el("b", {}, `${jobs.length} of ${count(worker.slots)}`), ...shown, jobs.length > 3 ? ` and ${jobs.length - 3} more` : ""];
}
