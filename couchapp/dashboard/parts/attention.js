// What needs a person: silent workers, quarantines, jobs that nobody can run, conflicts.

import { el, reconcile, refill, told } from "../lib/dom.js";
import { askKinds } from "../state/stuck.js";
import { keptSilent } from "../state/workers.js";
import { ago, count, plainName, plural } from "../state/words.js";
import { documentLink } from "./links.js";
import { nothing, section } from "./pieces.js";

const SECONDS = 20; // a worker falls silent while nothing changes
const CONFLICTS_SECONDS = 10; // so often it is asked for conflicts, which nobody has to see at once
const SHOWN = 6; // reasons for which jobs are stuck
const FEW = 5; // silent workers

export class Attention {
  topics = ["worker", "job", "branch"];

  constructor(farm) {
    this.farm = farm;
    this.list = el("ul", { class: "attention" });
    this.element = section("Needs a person", 2, this.list, nothing("Nothing does: every worker is heard of, and every job has somebody who can run it."));
    this.element.classList.add("half");
  }

  get seconds() {
    return Math.min(SECONDS, this.farm.classes.seconds);
  }

  async ask() {
    const { couch, kept, classes } = this.farm;
    const [silent, queue, { kinds, more }, conflicts] = await Promise.all([
      keptSilent(this.farm), classes.ask(this.farm), askKinds(this.farm),
      kept.get("", "conflicts", () => this.#askConflicts(), CONFLICTS_SECONDS),
    ]);
    const stuck = queue.classes.filter((one) => one.why);
    return [...silentItems(silent, couch.now()), ...quarantineItems(kinds), ...stuckItems(stuck), ...conflictItems(conflicts), ...unseenItems(queue, kinds, more)];
  }

  show(items) {
    reconcile(this.list, items, (item) => item.key, () => {
      const element = el("li");
      return { element, update: (item) => refill(element, item, () => wordsOf(item, this.farm)) };
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

function wordsOf({ mark, what, why, page, id }, farm) {
  const link = id && documentLink(farm, farm.places.status, id);
  return [el("a", { href: `#${page}`, class: "mark" }, mark), " ", told(what, 160), " ", link, why ? el("span", { class: "under" }, told(why, 240)) : null];
}

function silentItems({ workers, total }, now) {
  const items = workers.slice(0, FEW).map((worker) => ({
    key: `silent ${worker._id}`, id: worker._id, mark: "silent", page: "workers", what: plainName(worker._id),
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
  const sorted = [...reasons].sort(([, one], [, other]) => other.jobs - one.jobs);
  const items = sorted.slice(0, SHOWN).map(([why, { jobs, builds }]) => (
    { key: `stuck ${why}`, mark: "stuck", page: "jobs", why, what: `${plural(jobs, "job")} for ${[...builds].join(", ")}` }
  ));
  const left = sorted.slice(SHOWN).reduce((sum, [, { jobs }]) => sum + jobs, 0);
  const why = `for ${plural(sorted.length - SHOWN, "more reason")}`;
  return left ? [...items, { key: "stuck", mark: "stuck", page: "jobs", what: plural(left, "job"), why }] : items;
}

// What was not looked at is no reason to be at ease.
function unseenItems({ looked, whole, full }, kinds, more) {
  const items = [];
  if (!whole) items.push({ key: "classes", mark: "looking", page: "jobs", what: `${plural(looked, "class", "classes")} of jobs looked at so far`, why: "the others follow" });
  if (full) items.push({ key: "full", mark: "stuck", page: "jobs", what: "more classes of jobs than are counted here" });
  if (more) items.push({ key: "kinds", mark: "unknown", page: "workers", what: `more than ${plural(kinds.length, "kind")} of workers`, why: "jobs that none of these can run are not counted as stuck" });
  return items;
}

function conflictItems(conflicts) {
  return conflicts ? [{ key: "conflicts", mark: "conflicts", page: "databases", what: `${count(conflicts)} documents`, why: "changed in two places at once; the janitor settles them" }] : [];
}
