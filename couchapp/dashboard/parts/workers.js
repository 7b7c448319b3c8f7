// The workers: how many in each state, and a page of them with what may be asked of them.

import { offered, wish } from "../acts/workers.js";
import { el, fill, reconcile, refill, textOf, told } from "../lib/dom.js";
import { machinePage } from "../state/addresses.js";
import { Inputs } from "../state/jobs.js";
import { askPage, askStates, isSilent, whyResting, wishOf } from "../state/workers.js";
import { count, lasting, plainName, plural } from "../state/words.js";
import { askFor, field } from "./dialogs.js";
import { documentLink, reportLink } from "./links.js";
import { Pager, age, cell, nothing, section, setText, table } from "./pieces.js";

const WORDS = {
  run: ["Resume", "work", "It takes jobs again."],
  pause: ["Pause", "pause", "What runs goes on; nothing new is begun."],
  drain: ["Drain", "drain", "It ends what runs, begins nothing more, and stays."],
  stop: ["Stop", "stop", "It ends at once; what runs goes back to the queue."],
  restart: ["Restart", "restart", "It ends what runs and begins anew."],
};

export class Workers {
  topics = ["worker"];

  constructor(farm) {
    this.farm = farm;
    this.chosen = { state: null, prefix: "" };
    this.inputs = new Inputs();
    this.chips = el("div", { class: "chips", role: "group", "aria-label": "State of the workers" });
    this.body = el("tbody");
    this.shown = el("output", { class: "dim", for: "worker-name" });
    this.pager = new Pager("workers", () => farm.refresh(this));
    const search = el("input", { id: "worker-name", type: "search", autocomplete: "off", spellcheck: "false", oninput: () => this.#choose({ state: null, prefix: search.value.trim() }) });
    this.element = section("Workers", 1, this.chips,
      el("div", { class: "filter" }, el("label", { for: "worker-name" }, "Name begins with"), search, this.shown),
      table("Workers", ["Worker", "State", "Runs", "Machine", "Heard of", ""], this.body, "workers"), nothing("No worker here."), this.pager.element);
  }

  async ask() {
    const { couch, places, kept } = this.farm;
    const chosen = this.chosen;
    const [states, page] = await Promise.all([kept.get("worker", "states", () => askStates(couch, places)), askPage(couch, places, { ...chosen, start: this.pager.start })]);
    await this.inputs.ask(couch, places, page.workers.flatMap(shownJobs));
    return { chosen, states, ...page };
  }

  show({ chosen, states, workers, next }) {
    if (chosen !== this.chosen) return; // the answer to a question that is no longer asked
    const total = states.reduce((sum, row) => sum + row.workers, 0);
    this.#showChips([{ state: null, workers: total }, ...states]);
    reconcile(this.body, workers, (worker) => worker._id, (worker) => this.#row(worker));
    this.pager.show(next);
    this.element.classList.toggle("is-empty", !workers.length);
    setText(this.shown, `${plural(workers.length, "worker")} shown of ${count(total)}`);
    this.tick(this.farm.couch.now());
  }

  tick(now) {
    for (const row of this.body.rowsByKey?.values() || []) row.tick(now);
  }

  #showChips(states) {
    reconcile(this.chips, states, (row) => row.state ?? "", ({ state }) => {
      const number = el("b");
      const element = el("button", { type: "button", class: `chip of-${state ?? "all"}`, onclick: () => this.#choose({ state, prefix: "" }) },
        el("span", {}, told(state ?? "all", 20)), number);
      return { element, update: ({ workers }) => {
        fill(number, count(workers));
        element.setAttribute("aria-pressed", String(this.chosen.state === state && !this.chosen.prefix));
      } };
    });
  }

  #choose(chosen) {
    this.chosen = chosen;
    this.pager.reset();
    this.farm.refresh(this);
  }

  #row(first) {
    const { places, report } = this.farm;
    let worker = first;
    let [heard, since] = [age(""), age("")];
    const [state, runs, machine, when] = [cell("State"), cell("Runs"), cell("Machine"), cell("Heard of")];
    const acts = el("td", { class: "acts" });
    const element = el("tr", {}, el("th", { scope: "row" }, told(plainName(first._id), 60), " ", documentLink(this.farm, places.status, first._id)), state, runs, machine, when, acts);
    const update = (now) => {
      worker = now;
      const about = { ...worker, ...worker.dynamic_metadata, ...worker.static_metadata };
      refill(state, [worker.state, worker.state_since, worker.state_reason, worker.control, worker.quarantine], () => stateOf(worker, (since = age(worker.state_since, lasting)).element));
      refill(runs, [worker.running, worker.slots, this.inputs.of(worker.running)], () => runsOf(worker, this.farm, this.inputs));
      refill(machine, [about.os_name, about.os_version, about.cpu_name].map(textOf).join(" "), (words) => [told(words, 60), " ", reportLink(machinePage(report, worker), worker.os_name)]);
      refill(when, [worker.heartbeat_at, worker.connected_at], () => [(heard = age(worker.heartbeat_at)).element, el("span", { class: "under" }, "here", moment(worker.connected_at))]);
      this.#showActs(acts, worker, () => worker);
    };
    const tick = (now) => {
      heard.tick(now);
      since.tick(now);
      heard.element.classList.toggle("late", isSilent(worker, now));
    };
    return { element, update, tick };
  }

  #showActs(box, worker, latest) {
    const words = this.farm.rights.write ? offered(worker) : [];
    reconcile(box, words, (word) => word, (word) => ({
      element: el("button", { type: "button", class: "act", onclick: () => this.#wish(word, latest()) }, WORDS[word][0]),
    }));
  }

  async #wish(desired, worker) {
    const [button, verb, meaning] = WORDS[desired];
    const name = plainName(worker._id);
    const asked = await askFor([`${button} `, told(name, 60)], meaning, field("Reason, for the worker’s owner", "reason"), button);
    if (asked === null) return;
    const move = (seen) => wish(seen, desired, asked.reason.trim(), this.farm.user.name);
    await this.farm.write(this.farm.places.status, worker, move, [told(name, 60), ` is to ${verb}`]);
  }
}

function stateOf(worker, since) {
  const wished = wishOf(worker);
  const why = whyResting(worker);
  const words = wished && (wished.word === "quarantine" ? "in quarantine" : `is to ${wished.word}`);
  return [
    el("span", { class: `state of-${worker.state}` }, told(worker.state, 20)), since,
    wished && el("span", { class: "wished" }, ` ${words}`, ...(wished.by ? [", by ", told(wished.by, 40)] : []), moment(wished.since)),
    why && el("span", { class: "under" }, told(why, 160)),
  ];
}

// When it was, to the minute, where that is told.
function moment(text) {
  return text ? told(` since ${text.slice(0, 16).replace("T", " ")} UTC`, 40) : "";
}

// The jobs of a worker that its row names.
function shownJobs(worker) {
  return (worker.running || []).slice(0, 3);
}

function runsOf(worker, farm, inputs) {
  const jobs = worker.running || [];
  const shown = shownJobs(worker).map((id) => el("span", { class: "job" }, told(inputs.of([id])[0], 60), " ", documentLink(farm, farm.places.status, id)));
  return [el("b", {}, `${jobs.length} of ${count(worker.slots)}`), ...shown, jobs.length > 3 ? ` and ${jobs.length - 3} more` : ""];
}
