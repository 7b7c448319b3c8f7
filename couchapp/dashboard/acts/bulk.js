// One act on several documents: each by the revision that was seen, all in one request, and told one by one.

import { Impossible } from "./impossible.js";
import { changedPaths, clash } from "./conflict.js";
import { current } from "./saving.js";

const BATCH = 200; // documents in one request

// What became of each: {id, ok, reason, conflict, retry}. A document that the act does not fit is told, not written;
// `retry` is there where the act can be done on what somebody else has made of the document.
export async function saveAll(couch, database, docs, move) {
  const told = [];
  for (let start = 0; start < docs.length; start += BATCH) {
    told.push(...(await saveBatch(couch, database, docs.slice(start, start + BATCH), move)));
  }
  return told;
}

async function saveBatch(couch, database, docs, move) {
  const moved = docs.map((doc) => ({ doc, ...attempt(doc, move) }));
  const wanted = moved.filter((one) => one.ours && one.ours !== one.doc);
  const answers = wanted.length ? await send(couch, database, wanted) : [];
  const answerOf = new Map(wanted.map((one, at) => [one, answers[at]]));
  return Promise.all(moved.map((one) => outcomeOf(couch, database, one, answerOf.get(one), move)));
}

const UNANSWERED = "unanswered"; // in place of what CouchDB calls an error

// One answer for each. Where none came, nobody knows whether it was written.
async function send(couch, database, wanted) {
  try {
    return await couch.bulk(database, wanted.map((one) => one.ours));
  } catch (refusal) {
    return wanted.map(() => unanswered(refusal));
  }
}

export function unanswered(refusal) {
  if (refusal.status !== 0 && !(refusal.status >= 500)) throw refusal;
  return { error: UNANSWERED, reason: `${refusal.message}; it may have been written all the same` };
}

function attempt(doc, move) {
  try {
    return { ours: move(doc) };
  } catch (trouble) {
    if (trouble instanceof Impossible) return { reason: trouble.message };
    throw trouble;
  }
}

async function outcomeOf(couch, database, one, answer, move) {
  const id = one.doc._id;
  if (one.ours === one.doc) return { id, ok: true }; // it is like that already
  if (!answer) return { id, ok: false, reason: one.reason };
  if (!answer.error) return { id: answer.id, ok: true };
  const failed = { id, ok: false, reason: answer.reason || answer.error };
  if (answer.error === UNANSWERED) return { ...failed, retry: { database, doc: one.doc, move } };
  if (answer.error !== "conflict") return failed;
  try {
    return await settle(couch, database, one, move);
  } catch (refusal) {
    return { ...failed, reason: unanswered(refusal).reason };
  }
}

// Somebody else wrote the document, or we did, and the answer was lost.
async function settle(couch, database, one, move) {
  const id = one.doc._id;
  const theirs = await current(couch, database, id);
  const conflict = { before: one.doc, theirs, ours: one.ours };
  if (theirs === null) return { id, ok: false, reason: "it was deleted", conflict };
  if (!changedPaths(theirs, one.ours).length) return { id, ok: true };
  if (!clash(one.doc, theirs, one.ours)) return again(couch, database, theirs, move);
  const retry = attempt(theirs, move).ours ? { database, doc: theirs, move } : undefined;
  return { id, ok: false, reason: "somebody else has changed it", conflict, retry };
}

// The same act on top of what others wrote, which the user has seen. All outcomes are of one act.
export function saveOnTop(couch, outcomes) {
  const retries = outcomes.map((one) => one.retry).filter(Boolean);
  return retries.length ? saveAll(couch, retries[0].database, retries.map((one) => one.doc), retries[0].move) : [];
}

// What others wrote does not touch the act: a second try, on top of it.
async function again(couch, database, theirs, move) {
  const second = { doc: theirs, ...attempt(theirs, move) };
  if (!second.ours) return { id: theirs._id, ok: false, reason: second.reason };
  const [answer] = await couch.bulk(database, [second.ours]);
  return { id: theirs._id, ok: !answer.error, reason: answer.error === "conflict" ? "it keeps changing" : answer.reason };
}
