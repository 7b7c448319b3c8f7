// What was found last: history documents by the time of their first sighting, those of one signature together.

const TUPLES = 6; // history documents that are looked at for each signature, at first
const ROUNDS = 4; // so often as many are looked at, where they are of few signatures

// A page of signatures: {signatures, next}; `next` is the row that the page after it begins with, or null.
export async function askFindings(couch, places, shown, start = null) {
  const { rows, looked } = await askRows(couch, places, shown, start);
  const { signatures, next } = pageOf(rows, shown, looked);
  const counts = await askCounts(couch, places, signatures);
  return { signatures: signatures.map((one, at) => ({ ...one, count: Math.max(counts[at], one.tuples.length) })), next };
}

// Rows until they are of more signatures than are shown, in a few questions: one signature may have come with a thousand
// tuples. The last row is where the next page begins, if there are more than were looked at.
async function askRows(couch, places, shown, start) {
  const limit = shown * TUPLES;
  let rows = start ? [start] : [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = rows.length ? { startkey: rows.at(-1).key, startkey_docid: rows.at(-1).id } : {};
    const query = { reduce: false, descending: true, include_docs: true, limit: limit + 1, ...from };
    const answer = await couch.view(places.history, "recent", "findings", query);
    rows = [...rows.slice(0, -1), ...answer.rows.filter((row) => row.doc)];
    if (answer.rows.length <= limit) return { rows, looked: rows.length };
    if (grouped(rows.slice(0, -1).map((row) => row.doc)).length > shown) break;
  }
  return { rows, looked: rows.length - 1 };
}

// The keys in tuples/by_signature of all tuples of a signature: an assertion's message belongs to it.
export function rangeOf({ kind, detail, message }) {
  return kind === "assertion" ? { startkey: [detail, kind, message], endkey: [detail, kind, message] }
    : { startkey: [detail, kind], endkey: [detail, kind, {}] };
}

// How many tuples each signature has, in all.
async function askCounts(couch, places, signatures) {
  if (!signatures.length) return [];
  const { results } = await couch.queries(places.history, "tuples", "by_signature", signatures.map(rangeOf));
  return results.map(({ rows }) => rows[0]?.value || 0);
}

// What comes after the last signature of the page may hold more tuples of those on it.
export function pageOf(rows, shown, looked) {
  const groups = grouped(rows.slice(0, looked).map((row) => row.doc));
  const [left] = groups.slice(shown);
  const next = left ? rows.find((row) => row.doc === left.tuples[0]) : rows[looked];
  return { signatures: groups.slice(0, shown), next: next ? { key: next.key, id: next.id } : null };
}

// Signatures, the newest first: the kind, message and detail, and their tuples.
export function grouped(tuples) {
  const groups = new Map();
  for (const doc of tuples) {
    const kind = doc.type.slice("history_".length);
    const name = JSON.stringify([kind, doc.detail, kind === "assertion" ? doc.message : ""]);
    if (!groups.has(name)) groups.set(name, { name, kind, tuples: [] });
    groups.get(name).tuples.push(doc);
  }
  return [...groups.values()].map(summary);
}

function summary({ name, kind, tuples }) {
  const [newest] = tuples;
  const distinct = (part) => [...new Set(tuples.map((doc) => doc[part]))].sort();
  return {
    name, kind, tuples, message: newest.message, detail: newest.detail, title: newest.title || "",
    severity: newest.severity || "", newly_seen: newest.first_seen,
    first_seen: tuples.reduce((first, doc) => (doc.first_seen < first ? doc.first_seen : first), newest.first_seen),
    last_seen: tuples.reduce((last, doc) => (doc.last_seen > last ? doc.last_seen : last), ""),
    branches: distinct("branch"), products: distinct("product"),
    open: [...new Set(tuples.flatMap((doc) => doc.bugs?.open || []))].sort(),
    closed: [...new Set(tuples.flatMap((doc) => doc.bugs?.closed || []))].sort(),
    regressed: tuples.some((doc) => (doc.regressed || []).length > 0),
    suppressed: tuples.every((doc) => doc.suppressed === true),
  };
}
