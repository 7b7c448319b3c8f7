// Queueing ended jobs again: a new job for each, which does the same.

import { unanswered } from "./bulk.js";
import { Impossible } from "./impossible.js";
import { newJobId, retry } from "./jobs.js";

// Tells what became of each, as saveAll does. `random` gives five bytes.
export async function retryAll(couch, database, jobs, now, random) {
  const made = await Promise.all(jobs.map((job) => again(couch, database, job, now, random)));
  const added = made.map((one) => one.added).filter(Boolean);
  const answers = added.length ? await send(couch, database, added) : [];
  const told = answers.map((answer, at) => ({ id: added[at]._id, ok: !answer.error, reason: answer.reason || answer.error }));
  return [...told, ...made.filter((one) => !one.added)];
}

async function again(couch, database, job, now, random) {
  try {
    return { added: retry(await withContents(couch, database, job), now, newJobId(now, random())) };
  } catch (trouble) {
    if (trouble instanceof Impossible) return { id: job._id, ok: false, reason: trouble.message };
    if (trouble.status === 404) return { id: job._id, ok: false, reason: "it was deleted, and its input with it" };
    throw trouble;
  }
}

// Only a job whose input is an attachment has to be read again, with the contents.
function withContents(couch, database, job) {
  return job._attachments ? couch.document(database, job._id, { attachments: true }) : job;
}

async function send(couch, database, added) {
  try {
    return await couch.bulk(database, added);
  } catch (refusal) {
    return added.map(() => unanswered(refusal));
  }
}
