// The farm in a few numbers.

import { el, fill } from "../lib/dom.js";
import { askCounts, askWaiting } from "../state/jobs.js";
import { keptThroughput, rate } from "../state/throughput.js";
import { askStates } from "../state/workers.js";
import { count, plural } from "../state/words.js";

const WORKING = new Set(["executing", "recording", "installing", "claiming"]);
const RESTING = new Set(["paused", "draining", "quarantined"]);

export class Tiles {
  topics = ["worker", "job", "result"];
  seconds = 30; // minutes go by while nothing ends

  constructor(farm) {
    this.farm = farm;
    this.values = new Map();
    this.list = el("dl", { class: "tiles" });
    for (const [name, title, page] of TILES) {
      const value = el("dd", {}, "–");
      const under = el("span", { class: "under" });
      this.values.set(name, { value, under });
      this.list.append(el("div", { class: `tile ${name}` }, el("dt", {}, el("a", { href: `#${page}` }, title)), value, el("dd", { class: "note" }, under)));
    }
    this.element = el("section", { "aria-label": "The farm in numbers" }, el("h1", {}, "Now"), this.list);
  }

  async ask() {
    const { couch, places, kept } = this.farm;
    const [states, jobs, waiting, told] = await Promise.all([
      kept.get("worker", "states", () => askStates(couch, places)), kept.get("job", "counts", () => askCounts(couch, places)),
      kept.get("job", "waiting", () => askWaiting(couch, places)), keptThroughput(this.farm),
    ]);
    return { states, jobs, waiting, speed: rate(told) };
  }

  show({ states, jobs, waiting, speed }) {
    const sum = (wanted) => states.filter((row) => wanted(row.state)).reduce((all, row) => all + row.workers, 0);
    const resting = sum((state) => RESTING.has(state));
    const stopped = sum((state) => state === "stopped");
    this.#set("working", count(sum((state) => WORKING.has(state))), `of ${plural(sum(() => true) - stopped, "worker")}${stopped ? `; ${count(stopped)} stopped` : ""}`);
    this.#set("resting", count(resting), resting ? "paused, draining or in quarantine" : "none is paused or in quarantine", resting > 0);
    this.#set("running", count(jobs.running), jobs.running === 1 ? "job is held by a worker" : "jobs are held by a worker");
    const held = (waiting.delay || 0) + (waiting.jobs || 0);
    this.#set("pending", count(jobs.pending), held ? `${count(held)} of them wait for another job or another try` : "wait for nothing but a worker");
    this.#set("speed", speed < 10 ? speed.toFixed(1) : count(Math.round(speed)), "over the last five minutes");
  }

  #set(name, value, under, strong = false) {
    const tile = this.values.get(name);
    if (tile.value.textContent !== value) fill(tile.value, value);
    if (tile.under.textContent !== under) fill(tile.under, under);
    tile.value.parentElement.classList.toggle("strong", strong);
  }
}

const TILES = [
  ["working", "Working", "workers"], ["resting", "Resting", "workers"], ["running", "Running", "jobs"],
  ["pending", "Pending", "jobs"], ["speed", "Jobs a minute", "jobs"],
];
