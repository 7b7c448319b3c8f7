// What was found last: history documents by the time of their first sighting, those of one signature together.

const TUPLES = 6; // history documents that are looked at for each signature

// A page of signatures: {signatures, next}; `next` is the row that the page after it begins with, or null.
export async function askFindings(couch, places, shown, start = null) {
  const limit = shown * TUPLES;
  const from = start ? { startkey: start.key, startkey_docid: start.id } : {};
  const query = { reduce: false, descending: true, include_docs: true, limit: limit + 1, ...from };
  const answer = await couch.view(places.history, "recent", "findings", query);
  return pageOf(answer.rows.filter((row) => row.doc), shown, limit);
}

// What comes after the last signature of the page may hold more tuples of those on it.
export function pageOf(rows, shown, limit) {
  const groups = grouped(rows.slice(0, limit).map((row) => row.doc));
  const [left] = groups.slice(shown);
  const next = left ? rows.find((row) => row.doc === left.tuples[0]) : rows[limit];
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
    severity: newest.severity || "", first_seen: newest.first_seen,
    last_seen: tuples.reduce((last, doc) => (doc.last_seen > last ? doc.last_seen : last), ""),
    branches: distinct("branch"), products: distinct("product"),
    open: [...new Set(tuples.flatMap((doc) => doc.bugs?.open || []))].sort(),
    closed: [...new Set(tuples.flatMap((doc) => doc.bugs?.closed || []))].sort(),
    regressed: tuples.some((doc) => (doc.regressed || []).length > 0),
    suppressed: tuples.every((doc) => doc.suppressed === true),
  };
}
