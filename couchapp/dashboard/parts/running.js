// The jobs that run, each with how much of its time is used up.

import { el, fill, reconcile, refill, told } from "../lib/dom.js";
import { askRunning, inputOf, progressOf } from "../state/jobs.js";
import { count, span } from "../state/words.js";
import { documentLink } from "./links.js";
import { cell, nothing, section, setText, table } from "./pieces.js";

const SHOWN = 12;

export class Running {
  topics = ["job"];

  constructor(farm) {
    this.farm = farm;
    this.body = el("tbody");
    this.more = el("p", { class: "dim" });
    this.element = section("Running", 2, table("Jobs that run", ["Input", "On", "By", "For"], this.body), this.more, nothing("No job runs."));
  }

  ask() {
    return askRunning(this.farm.couch, this.farm.places, SHOWN + 1);
  }

  show(jobs) {
    reconcile(this.body, jobs.slice(0, SHOWN), (job) => job._id, (job) => this.#row(job));
    fill(this.more, jobs.length > SHOWN ? el("a", { href: "#jobs" }, "There are more.") : null);
    this.element.classList.toggle("is-empty", !jobs.length);
    this.tick(this.farm.couch.now());
  }

  tick(now) {
    for (const row of this.body.rowsByKey?.values() || []) row.tick(now);
  }

  #row(first) {
    let job = first;
    const bar = el("progress", { max: 1, value: 0, "aria-label": "Part of its time that is used up" });
    const words = el("span", { class: "dim" });
    const by = cell("By");
    const element = el("tr", {},
      el("th", { scope: "row" }, told(inputOf(job), 60), " ", documentLink(this.farm, this.farm.places.status, job._id)),
      cell("On", told(`${job.product} ${job.branch} ${job.buildtype}`, 60)), by, cell("For", bar, " ", words));
    const update = (now) => {
      job = now;
      refill(by, [job.claim?.worker, job.claim?.attempt], () => byOf(this.farm, job.claim));
    };
    const tick = (now) => {
      const { seconds, timeout } = progressOf(job, now);
      bar.value = Math.min(1, seconds / timeout);
      setText(words, `${span(seconds)} of ${span(timeout)}`);
      bar.classList.toggle("late", seconds > timeout);
    };
    return { element, update, tick };
  }
}

function byOf(farm, claim) {
  if (!claim) return null;
  return [
    told(claim.worker, 40), claim.attempt > 1 ? el("span", { class: "dim" }, `, attempt ${count(claim.attempt)}`) : null, " ",
    documentLink(farm, farm.places.status, `worker:${claim.worker}`),
  ];
}
