// What the jobs' views tell.

export const PAGE = 50;
export const STATES = ["pending", "running", "completed", "aborted"];

export async function askCounts(couch, places) {
  const answer = await couch.view(places.status, "jobs", "by_state", { group_level: 1 });
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const row of answer.rows) counts[row.key[0]] = row.value;
  return counts;
}

// So many of the classes of pending jobs, by what they ask and by priority: {classes: [{asks, priority, jobs}], next};
// `next` is the key that the others begin with, or null.
export async function askClasses(couch, places, limit, start = null) {
  const from = start ? { startkey: start } : {};
  const { rows } = await couch.view(places.status, "queue", "pending", { group_level: 2, limit: limit + 1, ...from });
  const classes = rows.slice(0, limit).map((row) => ({ asks: asksOf(row.key[0]), priority: row.key[1], jobs: row.value }));
  return { classes, next: rows[limit]?.key ?? null };
}

export function asksOf(key) {
  const [os_name, os_version, cpu_name, tags, product, branch, buildtype] = key;
  return { os_name, os_version, cpu_name, tags, product, branch, buildtype };
}

export async function askWaiting(couch, places) {
  const answer = await couch.view(places.status, "queue", "waiting", { group_level: 1 });
  return Object.fromEntries(answer.rows.map((row) => [row.key[0], row.value]));
}

// A page of the jobs in one state, of one branch if `on` is one; those that ended last come first, by the results that
// they left. Where `id` is given, of all jobs whose id begins so.
export async function askPage(couch, places, { state, on = null, id = "" }, start = null) {
  const window = { include_docs: true, limit: PAGE + 1 };
  const from = start ? { startkey: start.key, startkey_docid: start.id } : {};
  if (id) {
    const range = { startkey: start?.id ?? `job:${id}`, endkey: `job:${id}\ufff0` };
    return pageOf(await couch.all(places.status, { ...window, ...range }));
  }
  if (state === "completed" && !on) return askEnded(couch, places, start);
  const key = on ? [state, on.product, on.branch] : [state];
  const query = { ...window, reduce: false, startkey: key, endkey: [...key, {}], ...from };
  return pageOf(await couch.view(places.status, "jobs", "by_state", query));
}

function pageOf({ rows }) {
  const found = rows.filter((row) => row.doc);
  const next = found[PAGE] ? { id: found[PAGE].id, key: found[PAGE].key } : null;
  return { jobs: found.slice(0, PAGE).map((row) => row.doc), next };
}

async function askEnded(couch, places, start) {
  const range = start ? { startkey: start.key, startkey_docid: start.id } : {};
  const answer = await couch.view(places.history, "recent", "results", { reduce: false, descending: true, limit: PAGE + 1, ...range });
  const ids = answer.rows.slice(0, PAGE).map((row) => row.id.replace(/^result:/, "job:"));
  return { jobs: await couch.documents(places.status, ids), next: answer.rows[PAGE] || null };
}

export async function askRunning(couch, places, limit) {
  const answer = await couch.view(places.status, "queue", "by_claim", { reduce: false, include_docs: true, limit });
  return answer.rows.map((row) => row.doc).filter((job) => job && job.state === "running");
}

// How far a running job is in the time that it may take, from 0 to 1.
export function progressOf(job, now) {
  const begun = Date.parse(job.started_at || job.claim?.claimed_at || "");
  const seconds = Math.max(0, (now - begun) / 1000);
  return { seconds: Number.isNaN(seconds) ? 0 : seconds, timeout: job.timeout || 60 };
}

// What the jobs that run are about. A job never changes that, so each is asked for once.
export class Inputs {
  constructor() {
    this.known = new Map(); // id -> words
  }

  async ask(couch, places, ids) {
    const shown = new Set(ids);
    for (const id of this.known.keys()) if (!shown.has(id)) this.known.delete(id);
    const missing = [...shown].filter((id) => !this.known.has(id));
    for (const job of await couch.documents(places.status, missing)) {
      this.known.set(job._id, `${inputOf(job)} on ${job.product} ${job.branch} ${job.buildtype}`);
    }
  }

  // A job that is gone is told by the end of its id.
  of(ids) {
    return (ids || []).map((id) => this.known.get(id) || String(id).slice(-10));
  }
}

export function inputOf(job) {
  const input = job.input || {};
  return input.name || input.url || input.attachment || (input.text || "").slice(0, 60) || job._id;
}
