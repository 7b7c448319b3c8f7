// What people ask of jobs: from a job's document to the one that it becomes. The same moves as crashfarm/queue/orders.py.

import { Impossible } from "./impossible.js";

export const PRIORITIES = [[0, "reproduce"], [1, "a person asks"], [2, "large"], [3, "normal"]];

// pending -> aborted, or running -> aborted; its worker stops a running one.
export function cancel(job, now, reason) {
  if (job.state !== "pending" && job.state !== "running") throw new Impossible(`${job._id} is ${job.state} already`);
  const attempts = job.claim ? [...(job.attempts || []), attemptOf(job.claim, now, reason)] : job.attempts || [];
  const freed = { claim: null, attempts, wait: "", delay_seconds: 0 };
  return { ...job, ...freed, state: "aborted", completed_at: now, reason };
}

function attemptOf(claim, now, reason) {
  return {
    number: claim.attempt, worker: claim.worker, incarnation: claim.incarnation, claimed_at: claim.claimed_at,
    ended_at: now, outcome: "cancelled", reason,
  };
}

export function prioritise(job, priority) {
  if (job.state !== "pending") {
    throw new Impossible(`${job._id} is ${job.state}: only a pending job can be given another priority`);
  }
  return { ...job, priority };
}

const KEPT = {
  product: undefined, branch: undefined, buildtype: undefined, build: "", probe: false, input: undefined,
  kind: "crashtest", requires: {}, priority: 3, source: "", timeout: 60, max_attempts: 3, parent: null,
};

// A new job that does what an ended one did. `ended` has the contents of its attachments, if it has any.
export function retry(ended, now, id) {
  if (ended.state !== "completed" && ended.state !== "aborted") {
    throw new Impossible(`${ended._id} is ${ended.state}: only a job that has ended can be tried again`);
  }
  const kept = Object.fromEntries(Object.entries(KEPT).map(([name, missing]) => [name, ended[name] ?? missing]));
  return {
    _id: id, type: "job", ...kept, created_at: now, supersedes: ended._id, depends_on: [], wait: "", delay_seconds: 0,
    state: "pending", result: null, reason: "", claim: null, attempts: [], started_at: null, completed_at: null,
    ...(ended._attachments ? { _attachments: ended._attachments } : {}),
  };
}

// A fresh id that sorts by its time of making: `job:20261122T061003123Z-7f3a9c21d4`. `random` is five bytes.
export function newJobId(now, random) {
  const digits = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `job:${now.replace(/[-:.]/g, "")}-${digits}`;
}

// Which acts the state of a job allows.
export function offered(state) {
  if (state === "pending") return ["cancel", "prioritise"];
  if (state === "running") return ["cancel"];
  return ["retry"];
}
