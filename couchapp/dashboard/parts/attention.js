// What needs a person: silent workers, quarantines, jobs that nobody can run, conflicts.

import { el, reconcile, refill, told } from "../lib/dom.js";
import { askClasses } from "../state/jobs.js";
import { askBranches, askKinds, whyPending } from "../state/stuck.js";
import { askSilent } from "../state/workers.js";
import { ago, count, plainName, plural, stamp } from "../state/words.js";
import { nothing, section } from "./pieces.js";

const CONFLICTS_SECONDS = 10; // so often it is asked for conflicts, which nobody has to see at once
const SHOWN = 6; // reasons for which jobs are stuck

export class Attention {
  topics = ["worker", "job", "branch"];
  seconds = 20; // a worker falls silent while nothing changes

  constructor(farm) {
    this.farm = farm;
    this.list = el("ul", { class: "attention" });
    this.element = section("Needs a person", 2, this.list, nothing("Nothing does: every worker is heard of, and every job has somebody who can run it."));
    this.element.classList.add("half");
  }

  async ask() {
    const { couch, places, kept } = this.farm;
    const [silent, { classes }, branches, kinds, conflicts] = await Promise.all([
      kept.get("worker", "silent", () => askSilent(couch, places, stamp), this.seconds / 2), kept.get("job", "classes", () => askClasses(couch, places)),
      kept.get("branch", "branches", () => askBranches(couch, places)), kept.get("worker", "kinds", () => askKinds(couch, places)),
      kept.get("", "conflicts", () => this.#askConflicts(), CONFLICTS_SECONDS),
    ]);
    const stuck = classes.map((one) => ({ ...one, why: whyPending(one, branches, kinds) })).filter((one) => one.why);
    return [...silentItems(silent, couch.now()), ...quarantineItems(kinds), ...stuckItems(stuck), ...conflictItems(conflicts)];
  }

  show(items) {
    reconcile(this.list, items, (item) => item.key, () => {
      const element = el("li");
      return { element, update: (item) => refill(element, item, wordsOf) };
    });
    this.element.classList.toggle("is-empty", !items.length);
  }

  async #askConflicts() {
    const { couch, places } = this.farm;
    const asked = [places.status, places.history].map((name) => couch.view(name, "conflicts", "open", {}));
    const answers = await Promise.all(asked);
    return answers.reduce((sum, answer) => sum + (answer.rows[0]?.value || 0), 0);
  }
}

function wordsOf({ mark, what, why, page }) {
  return [el("a", { href: `#${page}`, class: "mark" }, mark), " ", told(what, 160), why ? el("span", { class: "under" }, told(why, 240)) : null];
}

function silentItems({ workers, total }, now) {
  const items = workers.map((worker) => ({
    key: `silent ${worker._id}`, mark: "silent", page: "workers", what: plainName(worker._id),
    why: `last heard of ${ago(worker.heartbeat_at, now)}, as ${worker.state}`,
  }));
  const more = total - items.length;
  return more > 0 ? [...items, { key: "silent", mark: "silent", page: "workers", what: `and ${plural(more, "worker")} more` }] : items;
}

function quarantineItems(kinds) {
  const workers = kinds.filter((kind) => kind.rests === "quarantine").reduce((sum, kind) => sum + kind.workers, 0);
  return workers ? [{ key: "quarantine", mark: "quarantine", page: "workers", what: plural(workers, "worker"), why: "taken out until somebody resumes them" }] : [];
}

// Classes of jobs that are stuck for one reason are one thing to see to.
function stuckItems(stuck) {
  const reasons = new Map();
  for (const { asks, jobs, why } of stuck) {
    const known = reasons.get(why) || { jobs: 0, builds: new Set() };
    known.jobs += jobs;
    known.builds.add(`${asks.product} ${asks.branch} ${asks.buildtype}`);
    reasons.set(why, known);
  }
  const items = [...reasons].sort(([, one], [, other]) => other.jobs - one.jobs);
  return items.slice(0, SHOWN).map(([why, { jobs, builds }]) => (
    { key: `stuck ${why}`, mark: "stuck", page: "jobs", why, what: `${plural(jobs, "job")} for ${[...builds].join(", ")}` }
  ));
}

function conflictItems(conflicts) {
  return conflicts ? [{ key: "conflicts", mark: "conflicts", page: "databases", what: `${count(conflicts)} documents`, why: "changed in two places at once; the janitor settles them" }] : [];
}
