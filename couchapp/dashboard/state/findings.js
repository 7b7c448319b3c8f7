// What was found last: history documents by the time of their first sighting, those of one signature together.

const LOOKED_AT = 200;

export async function askFindings(couch, places, limit = LOOKED_AT) {
  const query = { reduce: false, descending: true, include_docs: true, limit };
  const answer = await couch.view(places.history, "recent", "findings", query);
  return grouped(answer.rows.map((row) => row.doc).filter(Boolean));
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
