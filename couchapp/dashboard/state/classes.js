// All classes of pending jobs, however many there are: the first of them each time, and some of the others in turn.

import { askClasses } from "./jobs.js";
import { explain } from "./stuck.js";

const FIRST = 200; // classes that are asked for each time
const OTHERS = 400; // of the others, each time
const KEPT = 5_000; // of those that are stuck
const TURN_SECONDS = 2; // between two looks at the others, whatever changes

export class Classes {
  constructor() {
    this.found = new Map(); // the stuck ones among the others, in this round through them
    this.before = new Map(); // in the last round
    this.start = null; // the key with which the next look begins
    this.looked = 0; // classes among the others, in this round
    this.total = 0; // in the last round
    this.others = true; // whether there are others, as far as is known
    this.whole = false; // whether all were looked at once
    this.last = Promise.resolve(); // one look after the other
  }

  get seconds() {
    return this.others ? TURN_SECONDS : Infinity;
  }

  // {classes: [{asks, priority, jobs, why}], looked, whole, full}: the first classes, and those of the others that are
  // stuck; how many were looked at, whether these are all, and whether more are stuck than are kept.
  async ask(farm) {
    const first = await farm.kept.get("job", "classes", () => (this.last = this.last.catch(() => {}).then(() => this.#turn(farm))), this.seconds);
    const classes = new Map([...this.before, ...this.found]);
    for (const one of await explain(farm, first)) classes.set(nameOf(one), one);
    const ordered = [...classes.values()].sort((one, other) => one.priority - other.priority || other.jobs - one.jobs);
    const looked = first.length + (this.whole ? this.total : this.looked);
    return { classes: ordered, looked, whole: this.whole, full: Math.max(this.before.size, this.found.size) >= KEPT };
  }

  async #turn(farm) {
    const { classes: first, next } = await askClasses(farm.couch, farm.places, FIRST);
    this.others = next !== null;
    if (next) await this.#look(farm, this.start || next);
    else Object.assign(this, { found: new Map(), before: new Map(), start: null, total: 0, whole: true });
    return first;
  }

  async #look(farm, start) {
    const { classes, next } = await askClasses(farm.couch, farm.places, OTHERS, start);
    if (!this.start) this.looked = 0;
    this.looked += classes.length;
    const stuck = (await explain(farm, classes)).filter((one) => one.why);
    for (const one of stuck.slice(0, KEPT - this.found.size)) this.found.set(nameOf(one), one);
    this.start = next;
    if (!next) Object.assign(this, { before: this.found, found: new Map(), total: this.looked, whole: true });
  }
}

export function nameOf({ asks, priority }) {
  return JSON.stringify([asks, priority]);
}
