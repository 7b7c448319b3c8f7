// The pending jobs by what they ask, by priority, with the reason where they do not get on.

import { PRIORITIES } from "../acts/jobs.js";
import { el, fill, reconcile, told } from "../lib/dom.js";
import { branchPage } from "../state/addresses.js";
import { askClasses, askWaiting } from "../state/jobs.js";
import { askBranches, askKinds, whyPending } from "../state/stuck.js";
import { count, plural } from "../state/words.js";
import { reportLink } from "./links.js";
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

  async ask() {
    const { couch, places, kept } = this.farm;
    const [{ classes, more }, branches, kinds, waiting] = await Promise.all([
      kept.get("job", "classes", () => askClasses(couch, places)), kept.get("branch", "branches", () => askBranches(couch, places)),
      kept.get("worker", "kinds", () => askKinds(couch, places)), kept.get("job", "waiting", () => askWaiting(couch, places)),
    ]);
    return { classes: classes.map((one) => ({ ...one, why: whyPending(one, branches, kinds) })), more, waiting };
  }

  show({ classes, more, waiting }) {
    // What is stuck comes first: nobody looks for it on a second page.
    const ordered = [...classes.filter((one) => one.why), ...classes.filter((one) => !one.why)];
    reconcile(this.body, ordered.slice(0, SHOWN), (one) => JSON.stringify([one.asks, one.priority]), (one) => this.#row(one));
    fill(this.held, wordsOf(waiting, Math.max(0, classes.length - SHOWN), more));
    this.element.classList.toggle("is-empty", !classes.length);
  }

  #row({ asks, priority }) {
    const number = cell("Jobs");
    const why = cell("Gets on");
    const what = `${asks.product} ${asks.branch} ${asks.buildtype}`;
    const element = el("tr", {},
      el("th", { scope: "row" }, told(what, 80), " ", reportLink(branchPage(this.farm.report, asks.product, asks.branch), asks.branch)),
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

function wordsOf(waiting, left, more) {
  const held = [
    waiting.jobs && `${plural(waiting.jobs, "job waits", "jobs wait")} for other jobs`,
    waiting.delay && `${plural(waiting.delay, "job waits", "jobs wait")} for the next try`,
    left && `${plural(left, "class", "classes")}${more ? " or more" : ""} not shown`,
  ].filter(Boolean);
  return held.length ? `${held.join("; ")}.` : "";
}
