// A decision about a signature, written on all history documents of it, a page after the other.

import { saveAll, unanswered } from "./bulk.js";
import { addMatcher, bugId, matcherFor, newBug } from "./bugs.js";
import { nameBug, suppress } from "./histories.js";
import { current } from "./saving.js";
import { rangeOf } from "../state/findings.js";

const PAGE = 200;
const ROUNDS = 10; // so often a matcher is added again to what others have made of a bug

// Tells what became of each document, as saveAll does.
export async function suppressAll(couch, places, signature, suppressed, now) {
  return everywhere(couch, places, signature, (history) => suppress(history, suppressed, now));
}

// The bug explains the signature from now on; a bug that the farm does not know yet is made.
export async function attachBug(couch, places, signature, name) {
  const named = await settled(couch, places, await explained(couch, places, matcherFor(signature), name));
  return everywhere(couch, places, signature, (history) => nameBug(history, named));
}

// The bug with the matcher. What others change of it meanwhile stands beside that.
async function explained(couch, places, matcher, name) {
  for (let round = 1; ; round += 1) {
    const bug = (await current(couch, places.status, bugId(name))) || newBug(name);
    const wanted = addMatcher(bug, matcher);
    if (wanted === bug && bug._rev) return bug;
    try {
      await couch.put(places.status, wanted);
      return wanted;
    } catch (refusal) {
      if (refusal.status !== 409 || round === ROUNDS) throw refusal;
    }
  }
}

// What has become of a bug that is a duplicate of another one, or has moved to another tracker.
async function settled(couch, places, bug) {
  let now = bug;
  for (const seen = new Set(); now.moved_to && !seen.has(now._id);) {
    seen.add(now._id);
    now = (await current(couch, places.status, now.moved_to)) || { _id: now.moved_to, state: "open" };
  }
  return now;
}

async function everywhere(couch, places, signature, move) {
  const told = [];
  let start = null;
  try {
    do {
      const { tuples, next } = await page(couch, places, signature, start, PAGE);
      told.push(...(await saveAll(couch, places.history, tuples, move)));
      start = next;
    } while (start);
  } catch (refusal) {
    if (!told.length) throw refusal;
    told.push({ id: "the rest", ok: false, reason: unanswered(refusal).reason });
  }
  return told;
}

async function page(couch, places, signature, start, limit) {
  const from = start ? { startkey: start.key, startkey_docid: start.id } : {};
  const query = { reduce: false, include_docs: true, limit: limit + 1, ...rangeOf(signature), ...from };
  const { rows } = await couch.view(places.history, "tuples", "by_signature", query);
  return { tuples: rows.slice(0, limit).map((row) => row.doc).filter(Boolean), next: rows[limit] || null };
}
