// Asking before jobs are cancelled, tried again or given another priority, and doing it.

import { saveAll } from "../acts/bulk.js";
import { PRIORITIES, cancel, prioritise } from "../acts/jobs.js";
import { retryAll } from "../acts/retrying.js";
import { told } from "../lib/dom.js";
import { inputOf } from "../state/jobs.js";
import { plural, stamp } from "../state/words.js";
import { askFor, choice, field } from "./dialogs.js";

export const BUTTONS = { cancel: "Cancel", retry: "Retry", prioritise: "Priority" };

const ACTS = { cancel: askCancel, retry: askRetry, prioritise: askPriority };

export function askAct(farm, act, jobs) {
  return jobs.length ? ACTS[act](farm, jobs) : undefined;
}

function titleOf(word, jobs) {
  return [`${word} `, jobs.length === 1 ? told(inputOf(jobs[0]), 60) : plural(jobs.length, "job")];
}

async function askCancel(farm, jobs) {
  const asked = await askFor(titleOf("Cancel", jobs), "A running one is stopped by its worker within a heartbeat.", field("Reason, kept with the job", "reason"), "Cancel the job".concat(jobs.length > 1 ? "s" : ""));
  if (asked === null) return;
  const reason = asked.reason.trim() || `cancelled by ${farm.user.name}`;
  const now = stamp(farm.couch.now());
  await farm.writeAll(() => saveAll(farm.couch, farm.places.status, jobs, (job) => cancel(job, now, reason)), "cancelled");
}

async function askPriority(farm, jobs) {
  const options = PRIORITIES.map(([number, words]) => [number, `${number} ${words}`]);
  const asked = await askFor(titleOf("Priority of", jobs), "Jobs of a lower number come first.", choice("Priority", "priority", options, jobs[0].priority ?? 3), "Change it");
  if (asked === null) return;
  const priority = Number(asked.priority);
  await farm.writeAll(() => saveAll(farm.couch, farm.places.status, jobs, (job) => prioritise(job, priority)), "given the priority");
}

async function askRetry(farm, jobs) {
  const asked = await askFor(titleOf("Retry", jobs), "A new job does the same again; the ended one stays as it is.", [], "Retry");
  if (asked === null) return;
  const random = () => crypto.getRandomValues(new Uint8Array(5));
  await farm.writeAll(() => retryAll(farm.couch, farm.places.status, jobs, stamp(farm.couch.now()), random), "queued again");
}
