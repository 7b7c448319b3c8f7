// What may be asked of a worker: from its document to the document that says so. Written as server/workers.py does.

export const WISHES = ["run", "pause", "drain", "stop", "restart", "update"];

// A wish to run ends a quarantine, too.
export function wish(worker, desired, reason, by) {
  const control = { ...worker.control, desired, reason, by };
  return { ...worker, control, quarantine: desired === "run" ? null : worker.quarantine ?? null };
}

export function quarantine(worker, reason, by, now) {
  return { ...worker, quarantine: { ...worker.quarantine, reason, by, since: now } };
}

// Which wishes make sense of a worker as it is: what it is asked already is not offered again.
export function offered(worker) {
  const desired = worker.control?.desired || "run";
  if (worker.state === "stopped") return desired === "run" && !worker.quarantine ? ["pause"] : ["run"];
  const rests = desired !== "run" || Boolean(worker.quarantine);
  return [rests && "run", ...["pause", "drain", "stop", "restart"].filter((word) => word !== desired)].filter(Boolean);
}
