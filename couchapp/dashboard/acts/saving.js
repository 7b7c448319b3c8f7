// Writing a change by the revision that was seen. Who else wrote in between is never overwritten unawares.

import { changedPaths, clash } from "./conflict.js";

const ROUNDS = 10; // so often a change is made again on what others wrote, as long as that does not touch it

// `move` makes the changed document of the document. Tells {rev}, or {conflict: {before, theirs, ours}}; theirs is
// null where the document is gone. A worker saves its own document every few seconds: what it writes there is no
// conflict with what an admin wishes of it.
export async function save(couch, database, before, move) {
  let seen = before;
  for (let round = 0; round < ROUNDS; round += 1) {
    const ours = move(seen);
    try {
      return { rev: (await couch.put(database, ours)).rev, doc: ours };
    } catch (refusal) {
      if (refusal.status !== 409) throw refusal;
    }
    const theirs = await current(couch, database, before._id);
    if (theirs !== null && !changedPaths(theirs, ours).length) return { rev: theirs._rev, doc: theirs };
    if (theirs === null || clash(seen, theirs, ours)) return { conflict: { before: seen, theirs, ours } };
    seen = theirs;
  }
  return { conflict: { before: seen, theirs: seen, ours: move(seen) } };
}

// The document as it stands, or null.
export async function current(couch, database, id) {
  return (await couch.documents(database, [id]))[0] || null;
}
