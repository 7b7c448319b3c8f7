// The jobs that were asked for, a page at a time; several may be chosen for one act.

import { offered } from "../acts/jobs.js";
import { el, fill, reconcile, refill, told } from "../lib/dom.js";
import { STATES, askCounts, askPage, inputOf } from "../state/jobs.js";
import { count, plural } from "../state/words.js";
import { BUTTONS, askAct } from "./jobacts.js";
import { JobFilter } from "./jobfilter.js";
import { documentLink } from "./links.js";
import { Pager, age, cell, nothing, section, table } from "./pieces.js";
import { priorityOf } from "./queue.js";

export class JobList {
  topics = ["job", "result"];

  constructor(farm) {
    this.farm = farm;
    this.wanted = { state: "pending", on: null, id: "" };
    this.jobs = new Map();
    this.chosen = new Set();
    this.body = el("tbody");
    this.chips = el("div", { class: "chips", role: "group", "aria-label": "State of the jobs" });
    this.bar = el("div", { class: "bar", role: "group", "aria-label": "Acts on the chosen jobs" });
    this.pager = new Pager("jobs", () => this.farm.refresh(this));
    this.everything = el("input", { type: "checkbox", onchange: () => this.#chooseAll() });
    this.filter = new JobFilter(farm, (chosen) => this.#turnTo(chosen));
    const heads = ["Input", "On", "Priority", "Stands", "Since", ""];
    const list = table("Jobs", heads, this.body, "jobs");
    if (farm.rights.write) list.tHead.rows[0].prepend(el("td", {}, el("label", { class: "everything" }, this.everything, el("span", {}, "Choose all jobs of this page"))));
    this.element = section("Jobs", 2, this.chips, this.filter.element, this.bar, list, nothing("There is no such job."), this.pager.element);
  }

  async ask() {
    const { couch, places, kept } = this.farm;
    const wanted = this.wanted;
    const [counts, page] = await Promise.all([kept.get("job", "counts", () => askCounts(couch, places)), askPage(couch, places, wanted, this.pager.start)]);
    return { wanted, counts, ...page };
  }

  show({ wanted, counts, jobs, next }) {
    if (wanted !== this.wanted) return; // the answer to a question that is no longer asked
    this.jobs = new Map(jobs.map((job) => [job._id, job]));
    for (const id of this.chosen) if (!this.jobs.has(id)) this.chosen.delete(id);
    this.#showChips(counts);
    reconcile(this.body, jobs, (job) => job._id, (job) => this.#row(job));
    this.pager.show(next);
    this.element.classList.toggle("is-empty", !jobs.length);
    this.#showBar();
    this.tick(this.farm.couch.now());
  }

  tick(now) {
    for (const row of this.body.rowsByKey?.values() || []) row.tick(now);
  }

  #showChips(counts) {
    reconcile(this.chips, STATES, (state) => state, (state) => {
      const number = el("b");
      const element = el("button", { type: "button", class: `chip of-${state}`, onclick: () => this.#turnTo({ state, id: this.filter.clear() }) }, el("span", {}, state), number);
      return { element, update: () => {
        fill(number, count(this.counts[state]));
        element.setAttribute("aria-pressed", String(this.wanted.state === state && !this.wanted.id));
      } };
    }, this.counts = counts);
  }

  #turnTo(chosen) {
    this.wanted = { ...this.wanted, ...chosen };
    this.chosen.clear();
    this.pager.reset();
    this.farm.refresh(this);
  }

  #row(first) {
    let job = first;
    const box = el("input", { type: "checkbox", "aria-label": `Choose ${inputOf(first).slice(0, 60)}`, onchange: () => this.#choose(first._id, box.checked) });
    const [priority, stands, since] = [cell("Priority"), cell("Stands"), cell("Since")];
    const acts = el("td", { class: "acts" });
    const element = el("tr", {}, this.farm.rights.write && el("td", { class: "choice" }, box),
      el("th", { scope: "row" }, told(inputOf(first), 60), " ", documentLink(this.farm, this.farm.places.status, first._id)),
      cell("On", told(`${first.product} ${first.branch} ${first.buildtype}`, 60)), priority, stands, since, acts);
    let when = age("");
    const update = (now) => {
      job = now;
      box.checked = this.chosen.has(job._id);
      refill(priority, job.priority ?? 3, (number) => priorityOf(number));
      refill(stands, [job.state, job.result, job.claim?.worker, job.attempts?.length, job.reason, job.wait], () => standsOf(job, this.farm));
      refill(since, job.completed_at || job.started_at || job.created_at, (moment) => (when = age(moment)).element);
      reconcile(acts, this.farm.rights.write ? offered(job.state) : [], (act) => act, (act) => ({ element: this.#button(act, () => [job]) }));
    };
    return { element, update, tick: (now) => when.tick(now) };
  }

  #button(act, jobs) {
    return el("button", { type: "button", class: "act", onclick: () => askAct(this.farm, act, jobs()) }, BUTTONS[act]);
  }

  #choose(id, wanted) {
    if (wanted) this.chosen.add(id);
    else this.chosen.delete(id);
    this.#showBar();
  }

  #chooseAll() {
    this.chosen = new Set(this.everything.checked ? this.jobs.keys() : []);
    for (const [id, row] of this.body.rowsByKey) row.update(this.jobs.get(id));
    this.#showBar();
  }

  #showBar() {
    const number = this.chosen.size;
    if (!this.farm.rights.write) return this.bar.remove();
    this.everything.checked = number > 0 && number === this.jobs.size;
    this.bar.hidden = !number;
    const jobs = () => [...this.chosen].map((id) => this.jobs.get(id)).filter(Boolean);
    const acts = [...new Set(jobs().flatMap((job) => offered(job.state)))];
    if (this.bar.dataset.acts !== acts.join()) fill(this.bar, el("span"), ...acts.map((act) => this.#button(act, jobs)));
    this.bar.dataset.acts = acts.join();
    return fill(this.bar.firstChild, `${plural(number, "job")} chosen`);
  }
}

function standsOf(job, farm) {
  const held = job.claim ? ["by ", told(job.claim.worker, 40)] : [];
  const tries = (job.attempts || []).length;
  return [
    el("span", { class: `state of-${job.state}` }, job.state, job.result ? `, ${job.result}` : ""), " ", ...held,
    job.state === "completed" ? documentLink(farm, farm.places.history, job._id.replace(/^job:/, "result:")) : null,
    tries ? el("span", { class: "dim" }, ` ${plural(tries, "attempt")}`) : null,
    job.reason || job.wait ? el("span", { class: "under" }, told(job.reason || `waits for ${job.wait === "jobs" ? "other jobs" : "its next try"}`, 160)) : null,
  ];
}
