// What does not get on, and why, as far as what the views tell suffices; the same rules as server/stuck.py's, on kinds
// of workers in place of single ones.

import { permitsBuild } from "./allowed.js";

const RELAXATIONS = 3; // parts of a machine that jobs of low priority pass over, one after the other
const LARGE = 2; // the first priority that does

const KINDS = ["os_name", "os_version", "cpu_name", "tags", "rests", "allow", "allow_builds_from", "lacks"];

// What kinds of workers there are: [{os_name, os_version, cpu_name, tags, rests, allow, allow_builds_from, lacks, workers}].
export async function askKinds(couch, places) {
  const answer = await couch.view(places.status, "workers", "by_ability", { group_level: KINDS.length, limit: 1000 });
  return answer.rows.map(({ key, value }) => kindOf(key, value));
}

export function kindOf(key, workers) {
  return { ...Object.fromEntries(KINDS.map((name, at) => [name, key[at]])), workers };
}

export async function askBranches(couch, places) {
  const answer = await couch.all(places.status, { startkey: "branch:", endkey: "branch:\ufff0", include_docs: true, limit: 1000 });
  return answer.rows.map((row) => row.doc).filter(Boolean);
}

// Why no worker takes a class of jobs, or "".
export function whyPending({ asks, priority }, branches, kinds) {
  const branch = branches.find((one) => one.product === asks.product && one.branch === asks.branch);
  if (!branch) return `there is no branch ${asks.branch} of ${asks.product}`;
  if (branch.enabled === false) return `the branch ${asks.branch} is disabled`;
  const relaxed = priority >= LARGE ? RELAXATIONS : 0;
  const able = kinds.filter((kind) => meets(kind, asks, relaxed) && mayRun(kind, buildFor(branch, asks, kind)));
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

const RESTING = { stopped: "stopped", quarantine: "in quarantine", pause: "to pause", drain: "to drain", stop: "to stop" };

function restsOf(able) {
  const counts = new Map();
  for (const kind of able) counts.set(kind.rests, (counts.get(kind.rests) || 0) + kind.workers);
  return [...counts].map(([rests, workers]) => `${workers} ${RESTING[rests] || rests}`).join(", ");
}
