// What the workers' views tell.

import { stamp } from "./words.js";

export const PAGE = 50;

export async function askStates(couch, places) {
  const answer = await couch.view(places.status, "workers", "by_state", { group_level: 1 });
  return answer.rows.map((row) => ({ state: row.key[0] ?? "unknown", workers: row.value }));
}

// One page of workers: of all by name, or of those in one state; names begin with `prefix`. A page is told by the
// row that it begins with, so that the thousandth costs what the first does.
export async function askPage(couch, places, { state, prefix = "", start = null }) {
  const [view, first, last] = state ? ["by_state", [state], [state, {}]] : ["by_name", [prefix], [`${prefix}\ufff0`]];
  const range = { startkey: start?.key ?? first, startkey_docid: start?.id, endkey: last };
  const answer = await couch.view(places.status, "workers", view, { reduce: false, include_docs: true, limit: PAGE + 1, ...range });
  const rows = answer.rows.filter((row) => row.doc);
  const next = rows.length > PAGE ? { id: rows[PAGE].id, key: rows[PAGE].key } : null;
  return { workers: rows.slice(0, PAGE).map((row) => row.doc), next };
}

// Why a worker does nothing new, or "".
export function whyResting(worker) {
  const control = worker.control || {};
  if (worker.quarantine) return worker.quarantine.reason || "no reason given";
  if ((control.desired || "run") !== "run") return control.reason || "no reason given";
  return worker.state_reason || "";
}

// Who wishes it so, and what.
export function wishOf(worker) {
  if (worker.quarantine) return { word: "quarantine", by: worker.quarantine.by || "", since: worker.quarantine.since || "" };
  const control = worker.control || {};
  const desired = control.desired || "run";
  return desired === "run" ? null : { word: desired, by: control.by || "", since: "" };
}

export const SILENT_SECONDS = 120;

export function isSilent(worker, now) {
  return worker.state !== "stopped" && now - Date.parse(worker.heartbeat_at) > SILENT_SECONDS * 1000;
}

const MOST = 100;
const KEPT_SECONDS = 10; // somebody falls silent while nothing changes, and ten thousand heartbeats are no reason to ask

// The workers that were not heard of for longest, of those that have not stopped: {workers, total}, of which the first
// are given.
export function keptSilent({ couch, places, kept }) {
  return kept.get("", "silent", () => askSilent(couch, places), KEPT_SECONDS);
}

async function askSilent(couch, places) {
  const endkey = [stamp(couch.now() - SILENT_SECONDS * 1000)];
  const [some, all] = await Promise.all([
    couch.view(places.status, "workers", "by_heartbeat", { reduce: false, include_docs: true, limit: MOST, endkey }),
    couch.view(places.status, "workers", "by_heartbeat", { endkey }),
  ]);
  const workers = some.rows.map((row) => row.doc).filter((worker) => worker && worker.state !== "stopped");
  return { workers, total: Math.max(workers.length, all.rows[0]?.value || 0) };
}
