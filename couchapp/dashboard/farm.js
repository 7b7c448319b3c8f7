// What every part of the dashboard works with: the database, the user and their rights, and the way to write.

import { saveOnTop } from "./acts/bulk.js";
import { save } from "./acts/saving.js";
import { Impossible } from "./acts/impossible.js";
import { el, fill } from "./lib/dom.js";
import { Kept } from "./lib/kept.js";
import { tellConflict } from "./parts/dialogs.js";
import { tellOutcomes } from "./parts/outcomes.js";
import { Classes } from "./state/classes.js";
import { plainName, plural } from "./state/words.js";

const SAID_MS = 8_000;

export class Farm {
  constructor(couch, places, said) {
    this.couch = couch;
    this.kept = new Kept();
    this.classes = new Classes();
    this.places = places;
    this.said = said;
    this.user = { name: null, roles: [] };
    this.report = ""; // the address of the published report
    this.charts = false; // whether the chart's library came with the pages
    this.rights = { admin: false, serverAdmin: false, write: false, suppress: false, explain: false };
    this.refresh = () => {}; // asks again for what a part shows
    this.wrote = () => {}; // is told the ids of what was written here, which is shown before the changes tell of it
  }

  // Write what `move` makes of a document. On a conflict the user sees it and decides. Tells whether it was written.
  async write(database, before, move, done) {
    let seen = before;
    try {
      for (;;) {
        const outcome = await save(this.couch, database, seen, move);
        if (!outcome.conflict) {
          this.say("good", done);
          this.wrote([before._id]);
          return true;
        }
        if (!(await tellConflict(plainName(before._id), outcome.conflict))) return false;
        seen = outcome.conflict.theirs;
      }
    } catch (trouble) {
      this.#sayFailed(trouble);
      return false;
    }
  }

  // Do an act that tells what became of each of several documents. What did not succeed is listed, with what others
  // wrote, and the user decides whether it is done on top of that.
  async writeAll(act, done) {
    try {
      for (let outcomes = await act(); outcomes.length;) {
        const failed = outcomes.filter((one) => !one.ok);
        this.wrote(outcomes.filter((one) => one.ok).map((one) => one.id));
        if (failed.length < outcomes.length) this.say("good", `${plural(outcomes.length - failed.length, "document")} ${done}`);
        if (!failed.length || !(await tellOutcomes(failed, outcomes.length))) return;
        outcomes = await saveOnTop(this.couch, failed);
      }
    } catch (trouble) {
      this.#sayFailed(trouble);
    }
  }

  #sayFailed(trouble) {
    const unknown = trouble.status === 0 || trouble.status >= 500;
    this.say("bad", unknown ? `${this.wordsOf(trouble)}; look whether it was written before you try again` : this.wordsOf(trouble));
    if (trouble.status === undefined && !(trouble instanceof Impossible)) reportError(trouble);
  }

  wordsOf(trouble) {
    if (trouble instanceof Impossible) return trouble.message;
    if (trouble.status === 401) return "You are not signed in any more: nothing was written";
    if (trouble.status === 403) return `The database refuses it: ${trouble.message}`;
    return trouble.message || String(trouble);
  }

  // What went wrong stays until it is closed, or something else is to be said.
  say(kind, words) {
    const line = el("p", { class: `line ${kind}` }, words);
    fill(this.said, line);
    if (kind === "good") setTimeout(() => line.remove(), SAID_MS);
    else line.append(" ", el("button", { type: "button", onclick: () => line.remove() }, "Close"));
  }
}
