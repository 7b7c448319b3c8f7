// The pending jobs by what they ask, by priority, with the reason where they do not get on.

import { PRIORITIES } from "../acts/jobs.js";
import { el, fill, reconcile, told } from "../lib/dom.js";
import { branchPage } from "../state/addresses.js";
import { nameOf } from "../state/classes.js";
import { askWaiting } from "../state/jobs.js";
import { count, plural } from "../state/words.js";
import { documentLink, reportLink } from "./links.js";
import { cell, nothing, section, table } from "./pieces.js";

const SHOWN = 40;

export class Queue {
  topics = ["job", "worker", "branch"];

  constructor(farm) {
    this.farm = farm;
    this.body = el("tbody");
    this.held = el("p", { class: "dim" });
    this.element = section("Queue", 1, this.held, table("Pending jobs by class", ["Jobs for", "Asks for", "Priority", "Jobs", "Gets on"], this.body), nothing("Nothing waits for a worker."));
  }

  get seconds() {
    return this.farm.classes.others ? this.farm.classes.seconds : 0;
  }

  async ask() {
    const { couch, places, kept } = this.farm;
    const [queue, waiting] = await Promise.all([this.farm.classes.ask(this.farm), kept.get("job", "waiting", () => askWaiting(couch, places))]);
    return { ...queue, waiting };
  }

  show({ classes, looked, whole, waiting }) {
    // What is stuck comes first: nobody looks for it on a second page.
    const ordered = [...classes.filter((one) => one.why), ...classes.filter((one) => !one.why)];
    reconcile(this.body, ordered.slice(0, SHOWN), nameOf, (one) => this.#row(one));
    fill(this.held, wordsOf(waiting, Math.max(0, looked - SHOWN), whole));
    this.element.classList.toggle("is-empty", !classes.length);
  }

  #row({ asks, priority }) {
    const number = cell("Jobs");
    const why = cell("Gets on");
    const what = `${asks.product} ${asks.branch} ${asks.buildtype}`;
    const element = el("tr", {},
      el("th", { scope: "row" }, told(what, 80), " ", documentLink(this.farm, this.farm.places.status, `branch:${asks.product}:${asks.branch}`), " ", reportLink(branchPage(this.farm.report, asks.product, asks.branch), asks.branch)),
      cell("Asks for", ...demandOf(asks)), cell("Priority", priorityOf(priority)), number, why);
    const update = (now) => {
      number.textContent = count(now.jobs);
      fill(why, now.why ? el("span", { class: "late" }, "stuck: ", told(now.why, 240)) : "in its turn");
    };
    return { element, update };
  }
}

export function priorityOf(priority) {
  const found = PRIORITIES.find(([number]) => number === priority);
  return `${priority}${found ? ` ${found[1]}` : ""}`;
}

function demandOf({ os_name, os_version, cpu_name, tags }) {
  const asked = [os_name, os_version, cpu_name, ...tags].filter(Boolean);
  return asked.length ? [told(asked.join(", "), 120)] : [el("span", { class: "dim" }, "any machine")];
}

function wordsOf(waiting, left, whole) {
  const held = [
    waiting.jobs && `${plural(waiting.jobs, "job waits", "jobs wait")} for other jobs`,
    waiting.delay && `${plural(waiting.delay, "job waits", "jobs wait")} for the next try`,
    left && `${whole ? "" : "at least "}${plural(left, "class", "classes")} not shown`,
  ].filter(Boolean);
  return held.length ? `${held.join("; ")}.` : "";
}
