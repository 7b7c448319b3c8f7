// What was found, the newest first, and what may be decided about it.

import { attachBug, suppressAll } from "../acts/signatures.js";
import { readBug } from "../acts/bugs.js";
import { el, reconcile, refill, told } from "../lib/dom.js";
import { bugPage, signaturePage } from "../state/addresses.js";
import { askFindings } from "../state/findings.js";
import { plural, stamp } from "../state/words.js";
import { askFor, field } from "./dialogs.js";
import { documentLink, reportLink } from "./links.js";
import { Pager, age, cell, kindMark, nothing, section, table } from "./pieces.js";

const LONG_MS = 3_600_000;
const BUG = "\\s*(bug:)?[^\\s:]+(:\\s*|\\s+)(?!//)\\S+\\s*"; // what acts/bugs.js reads

export class Findings {
  topics = ["history"];

  // `shown` is how many signatures are listed; `level` 1 where they are a page of their own.
  constructor(farm, { shown = 8, level = 2 } = {}) {
    this.farm = farm;
    this.shown = shown;
    this.body = el("tbody");
    this.pages = []; // the names of the signatures on each page so far
    this.pager = new Pager("findings", () => farm.refresh(this));
    const heads = ["Signature", "Kind", "Where", "New there", "Last seen", ""];
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
    const name = el("th", { scope: "row" });
    const where = cell("Where");
    const [since, last] = [cell("New there"), cell("Last seen")];
    const acts = el("td", { class: "acts" });
    const element = el("tr", {}, name, cell("Kind", kindMark(first.kind)), where, since, last, acts);
    const ages = {};
    const update = (now) => {
      one = now;
      refill(name, this.#said(one), () => this.#headline(one));
      refill(where, [one.branches, one.count, one.tuples.length], () => placesOf(one));
      refill(since, [one.newly_seen, one.first_seen, seenBefore(one)], () => [
        (ages.newly = age(one.newly_seen)).element, seenBefore(one) && el("span", { class: "under" }, "first ", (ages.first = age(one.first_seen)).element),
      ]);
      refill(last, one.last_seen, () => (ages.last = age(one.last_seen)).element);
      this.#showActs(acts, one.suppressed, () => one);
    };
    return { element, update, tick: (now) => Object.values(ages).forEach((each) => each.tick(now)) };
  }

  // What the headline is made of.
  #said({ tuples: [newest], message, title, open, closed, regressed, suppressed }) {
    return [newest._id, message, title, open, closed, regressed, suppressed];
  }

  #headline(one) {
    const { places, report } = this.farm;
    return [
      el("span", { class: "headline" }, told(one.kind === "assertion" ? one.message : one.detail, 160)), " ",
      el("span", { class: "under" }, told(one.title || one.message, 120), " ", marksOf(one, this.farm)),
      documentLink(this.farm, places.history, one.tuples[0]._id), " ", reportLink(signaturePage(report, one), one.detail),
    ];
  }

  #showActs(acts, hidden, latest) {
    const { suppress, explain } = this.farm.rights;
    const words = [suppress && (hidden ? "Show again" : "Suppress"), explain && "Attach a bug"].filter(Boolean);
    const act = { "Suppress": () => this.#suppress(latest(), true), "Show again": () => this.#suppress(latest(), false), "Attach a bug": () => this.#attach(latest()) };
    reconcile(acts, words, (word) => word, (word) => ({ element: el("button", { type: "button", class: "act", onclick: act[word] }, word) }));
  }

  async #suppress(one, suppressed) {
    const words = suppressed ? "It is left out of what is new, in reports and lists, on every branch and machine." : "It counts as a finding again, on every branch and machine.";
    const asked = await askFor([suppressed ? "Suppress " : "Show again ", told(one.message, 80)], words, [], suppressed ? "Suppress" : "Show again");
    if (asked === null) return;
    const act = () => suppressAll(this.farm.couch, this.farm.places, one, suppressed, stamp(this.farm.couch.now()));
    await this.farm.writeAll(act, suppressed ? "suppressed" : "shown again");
  }

  async #attach(one) {
    const fields = field("Bug, as tracker:number", "bug", { required: true, placeholder: "bugzilla:1234", spellcheck: "false", pattern: BUG, title: "its tracker and its number, as in bugzilla:1234" });
    const asked = await askFor(["Attach a bug to ", told(one.message, 80)], "The bug explains this signature wherever it is seen from now on.", fields, "Attach");
    if (asked === null) return;
    await this.farm.writeAll(() => attachBug(this.farm.couch, this.farm.places, one, readBug(asked.bug)), "explained by the bug");
  }
}

// Whether it was seen elsewhere long before; where not all tuples were looked at, that is not told.
function seenBefore(one) {
  return Date.parse(one.newly_seen) - Date.parse(one.first_seen) > LONG_MS && one.tuples.length === one.count;
}

function placesOf(one) {
  const branches = one.branches.slice(0, 4).map((branch, at) => [at ? ", " : "", told(branch, 40)]);
  const more = one.branches.length > 4 ? ` and ${one.branches.length - 4} more` : one.count > one.tuples.length ? ", among others" : "";
  return [...branches.flat(), more, el("span", { class: "under" }, plural(one.count, "tuple"))];
}

function marksOf(one, farm) {
  const bugs = [...one.open.map((id) => [id, "known"]), ...one.closed.map((id) => [id, "closed"])];
  return el("span", { class: "marks" },
    one.regressed && el("span", { class: "mark bad" }, "regressed"),
    one.suppressed && el("span", { class: "mark" }, "suppressed"),
    bugs.slice(0, 3).map(([id, kind]) => bugMark(id, kind, farm)));
}

function bugMark(id, kind, farm) {
  const mark = el("span", { class: `mark ${kind}` }, told(id.replace(/^bug:/, ""), 40));
  return [mark, " ", documentLink(farm, farm.places.status, id), " ", reportLink(bugPage(farm.report, id), id), " "];
}
