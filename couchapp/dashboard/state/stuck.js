// What does not get on, and why, as far as what the views tell suffices; the same rules as server/stuck.py's, on kinds
// of workers in place of single ones.

import { permitsBuild } from "./allowed.js";
import { keptSilent } from "./workers.js";

const RELAXATIONS = 3; // parts of a machine that jobs of low priority pass over, one after the other
const LARGE = 2; // the first priority that does

const KINDS = ["os_name", "os_version", "cpu_name", "tags", "rests", "allow", "allow_builds_from", "lacks"];

const MOST = 1000; // kinds of workers, and branches, that are asked for at once

// What kinds of workers there are: {kinds: [{os_name, os_version, cpu_name, tags, rests, allow, allow_builds_from, lacks,
// workers}], more}; `more` is whether there are others.
export async function askKinds(farm) {
  const { couch, places, kept } = farm;
  const [{ rows }, silent] = await Promise.all([
    kept.get("worker", "kinds", () => couch.view(places.status, "workers", "by_ability", { group_level: KINDS.length, limit: MOST + 1 })),
    keptSilent(farm),
  ]);
  const kinds = rows.slice(0, MOST).map(({ key, value }) => kindOf(key, value));
  return { kinds: withSilent(kinds, silent.workers), more: rows.length > MOST };
}

export function kindOf(key, workers) {
  return { ...Object.fromEntries(KINDS.map((name, at) => [name, key[at]])), workers };
}

// The kinds, with the silent workers apart from those that work: the views know no time.
export function withSilent(kinds, silent) {
  const known = new Map(kinds.map((kind) => [keyOf(kind), { ...kind }]));
  for (const worker of silent) {
    const machine = machineOf(worker);
    const before = [...known.values()].find((kind) => !kind.rests && keyOf(kind) === keyOf({ ...machine, rests: "" }));
    if (!before) continue;
    before.workers -= 1;
    const apart = { ...before, rests: "silent", workers: 0 };
    known.set(keyOf(apart), known.get(keyOf(apart)) || apart);
    known.get(keyOf(apart)).workers += 1;
  }
  return [...known.values()].filter((kind) => kind.workers > 0);
}

function keyOf(kind) {
  return JSON.stringify(KINDS.map((name) => kind[name]));
}

// What a worker is, as views/workers/by_ability tells it.
function machineOf(worker) {
  const about = { ...worker.dynamic_metadata, ...worker.static_metadata };
  const text = (name) => (typeof about[name] === "string" ? about[name] : null);
  const texts = (name) => (Array.isArray(about[name]) ? [...new Set(about[name].filter((one) => typeof one === "string"))].sort() : []);
  const lists = ["tags", "allow", "allow_builds_from", "lacks"];
  return { ...Object.fromEntries(KINDS.map((name) => [name, lists.includes(name) ? texts(name) : text(name)])), rests: "" };
}

export async function askBranches(couch, places) {
  const answer = await couch.all(places.status, { startkey: "branch:", endkey: "branch:\ufff0", include_docs: true, limit: MOST });
  return answer.rows.map((row) => row.doc).filter(Boolean);
}

// The branches of these classes, with those that are not among the first.
async function branchesOf({ couch, places, kept }, classes) {
  const branches = await kept.get("branch", "branches", () => askBranches(couch, places));
  if (branches.length < MOST) return branches;
  const known = new Set(branches.map((branch) => branch._id));
  const wanted = new Set(classes.map(({ asks }) => `branch:${asks.product}:${asks.branch}`));
  return [...branches, ...await couch.documents(places.status, [...wanted].filter((id) => !known.has(id)))];
}

// The classes with why each is stuck, or "". Where there are more kinds of workers than were asked for, those may do it.
export async function explain(farm, classes) {
  const [branches, { kinds, more }] = await Promise.all([branchesOf(farm, classes), askKinds(farm)]);
  return classes.map((one) => ({ ...one, why: whyPending(one, branches, kinds, more) }));
}

// Why no worker takes a class of jobs, or "".
export function whyPending({ asks, priority }, branches, kinds, more = false) {
  const branch = branches.find((one) => one.product === asks.product && one.branch === asks.branch);
  if (!branch) return `there is no branch ${asks.branch} of ${asks.product}`;
  if (branch.enabled === false) return `the branch ${asks.branch} is disabled`;
  const relaxed = priority >= LARGE ? RELAXATIONS : 0;
  const able = kinds.filter((kind) => meets(kind, asks, relaxed) && mayRun(kind, buildFor(branch, asks, kind)));
  if (more && able.every((kind) => kind.rests)) return "";
  if (!able.length) return nobody(asks, branch, kinds, relaxed);
  return able.every((kind) => kind.rests) ? `all that could run it rest: ${restsOf(able)}` : "";
}

function meets(kind, asks, relaxed) {
  const pairs = [["os_name"], ["cpu_name"], ["os_version"]].slice(0, RELAXATIONS - relaxed);
  return pairs.every(([name]) => asks[name] === null || asks[name] === kind[name])
    && asks.tags.every((tag) => kind.tags.includes(tag));
}

function buildFor(branch, asks, kind) {
  return branch.builds?.[asks.buildtype]?.[kind.os_name];
}

function mayRun(kind, build) {
  return Boolean(build) && !kind.lacks.includes(build.command?.[0]) && permitsBuild(kind, build);
}

// The first thing asked for that no worker has, or that none has all of it.
function nobody(asks, branch, kinds, relaxed) {
  if (!kinds.length) return "there are no workers";
  for (const name of ["os_name", "cpu_name", "os_version"].slice(0, RELAXATIONS - relaxed)) {
    if (asks[name] !== null && !kinds.some((kind) => kind[name] === asks[name])) {
      return `no worker meets the requirement ${name} = ${asks[name]}`;
    }
  }
  for (const tag of asks.tags) if (!kinds.some((kind) => kind.tags.includes(tag))) return `no worker has the tag ${tag}`;
  if (!kinds.some((kind) => buildFor(branch, asks, kind))) {
    return `${asks.branch} has no ${asks.buildtype} build for any worker's platform`;
  }
  return "no worker meets all of it, has the program and is allowed to run it";
}

const RESTING = { silent: "silent", stopped: "stopped", quarantine: "in quarantine", pause: "to pause", drain: "to drain", stop: "to stop" };

function restsOf(able) {
  const counts = new Map();
  for (const kind of able) counts.set(kind.rests, (counts.get(kind.rests) || 0) + kind.workers);
  return [...counts].map(([rests, workers]) => `${workers} ${RESTING[rests] || rests}`).join(", ");
}
