// What was found, the newest first, and what may be decided about it.

import { attachBug, suppressAll } from "../acts/signatures.js";
import { readBug } from "../acts/bugs.js";
import { el, fill, reconcile, told } from "../lib/dom.js";
import { bugPage, signaturePage } from "../state/addresses.js";
import { askFindings } from "../state/findings.js";
import { plural, stamp } from "../state/words.js";
import { askFor, field } from "./dialogs.js";
import { documentLink, reportLink } from "./links.js";
import { Pager, age, cell, kindMark, nothing, section, table } from "./pieces.js";

export class Findings {
  topics = ["history"];

  // `shown` is how many signatures are listed; `level` 1 where they are a page of their own.
  constructor(farm, { shown = 8, level = 2 } = {}) {
    this.farm = farm;
    this.shown = shown;
    this.body = el("tbody");
    this.pages = []; // the names of the signatures on each page so far
    this.pager = new Pager("findings", () => farm.refresh(this));
    const heads = ["Signature", "Kind", "Where", "First seen", "Last seen", ""];
    this.element = section(level === 1 ? "Findings" : "Found last", level,
      table("Signatures, the newest first", heads, this.body, "findings"), nothing("Nothing was found yet."));
    if (level === 1) this.element.append(this.pager.element);
  }

  async ask() {
    const { start, number } = this.pager;
    return { number, ...await askFindings(this.farm.couch, this.farm.places, this.shown, start) };
  }

  show({ number, signatures: found, next }) {
    if (number !== this.pager.number) return; // the answer to a question that is no longer asked
    const before = new Set(this.pages.slice(0, number - 1).flat());
    const signatures = found.filter((one) => !before.has(one.name));
    this.pages[number - 1] = signatures.map((one) => one.name);
    this.pager.show(next);
    reconcile(this.body, signatures, (one) => one.name, (one) => this.#row(one));
    this.element.classList.toggle("is-empty", !signatures.length);
    this.tick(this.farm.couch.now());
  }

  tick(now) {
    for (const row of this.body.rowsByKey?.values() || []) row.tick(now);
  }

  #row(first) {
    let one = first;
    let drawn = "";
    const name = el("th", { scope: "row" });
    const where = cell("Where");
    const [since, last] = [cell("First seen"), cell("Last seen")];
    const acts = el("td", { class: "acts" });
    const element = el("tr", {}, name, cell("Kind", kindMark(first.kind)), where, since, last, acts);
    let ages = [];
    const update = (now) => {
      one = now;
      const text = JSON.stringify(now.tuples.map((doc) => doc._rev));
      if (text === drawn) return;
      drawn = text;
      fill(name, ...this.#headline(one));
      fill(where, ...placesOf(one));
      ages = [age(one.first_seen), age(one.last_seen)];
      fill(since, ages[0].element);
      fill(last, ages[1].element);
      this.#showActs(acts, () => one);
    };
    return { element, update, tick: (now) => ages.forEach((each) => each.tick(now)) };
  }

  #headline(one) {
    const { places, report } = this.farm;
    return [
      el("span", { class: "headline" }, told(one.kind === "assertion" ? one.message : one.detail, 160)), " ",
      el("span", { class: "under" }, told(one.title || one.message, 120), " ", marksOf(one, report)),
      documentLink(this.farm, places.history, one.tuples[0]._id), " ", reportLink(signaturePage(report, one), one.detail),
    ];
  }

  #showActs(acts, latest) {
    if (!this.farm.rights.write) return fill(acts);
    const hidden = latest().suppressed;
    return fill(acts,
      el("button", { type: "button", class: "act", onclick: () => this.#suppress(latest(), !hidden) }, hidden ? "Show again" : "Suppress"),
      el("button", { type: "button", class: "act", onclick: () => this.#attach(latest()) }, "Attach a bug"));
  }

  async #suppress(one, suppressed) {
    const words = suppressed ? "It is left out of what is new, in reports and lists, on every branch and machine." : "It counts as a finding again, on every branch and machine.";
    const asked = await askFor([suppressed ? "Suppress " : "Show again ", told(one.message, 80)], words, [], suppressed ? "Suppress" : "Show again");
    if (asked === null) return;
    const act = () => suppressAll(this.farm.couch, this.farm.places, one, suppressed, stamp(this.farm.couch.now()));
    await this.farm.writeAll(act, suppressed ? "suppressed" : "shown again");
  }

  async #attach(one) {
    const fields = field("Bug, as tracker:number", "bug", { required: true, placeholder: "bugzilla:1234", spellcheck: "false" });
    const asked = await askFor(["Attach a bug to ", told(one.message, 80)], "The bug explains this signature wherever it is seen from now on.", fields, "Attach");
    if (asked === null) return;
    await this.farm.writeAll(() => attachBug(this.farm.couch, this.farm.places, one, readBug(asked.bug)), "explained by the bug");
  }
}

function placesOf(one) {
  const branches = one.branches.slice(0, 4).map((branch, at) => [at ? ", " : "", told(branch, 40)]);
  const more = one.branches.length > 4 ? ` and ${one.branches.length - 4} more` : "";
  return [...branches.flat(), more, el("span", { class: "under" }, plural(one.tuples.length, "tuple"))];
}

function marksOf(one, report) {
  const bugs = [...one.open.map((id) => [id, "known"]), ...one.closed.map((id) => [id, "closed"])];
  return el("span", { class: "marks" },
    one.regressed && el("span", { class: "mark bad" }, "regressed"),
    one.suppressed && el("span", { class: "mark" }, "suppressed"),
    bugs.slice(0, 3).map(([id, kind]) => bugMark(id, kind, report)));
}

function bugMark(id, kind, report) {
  const text = told(id.replace(/^bug:/, ""), 40);
  const page = bugPage(report, id);
  return page ? el("a", { class: `mark ${kind}`, href: page, target: "_blank", rel: "noopener" }, text) : el("span", { class: `mark ${kind}` }, text);
}
