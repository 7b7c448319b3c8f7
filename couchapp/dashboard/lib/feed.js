// Follows the changes of one database: by long polling, again and again, from where it stood; where the browser has no
// connection left for anything else, by asking now and then for a while.

import { Refusal } from "./couch.js";

const WAIT_MS = 55_000; // how long the server may keep a request that has nothing to tell
const REST_MS = 1_000; // between two requests, so that a thousand changes a second are one answer
const BRIEF_MS = 3_000; // between two requests that are not kept waiting
const BRIEF_TURNS = 200; // so many of them follow each other
const MOST = 1_000; // changes in one answer; whoever has more to tell is asked for what is to come only
const PATIENCE_MS = 20_000; // an answer that is due and does not come so long is none: connections die without a word
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];

export class Feed {
  // onChanges is given the ids that changed, or null where there are too many to tell; onState true, null where the
  // answer that tells of it is awaited, or false and why.
  constructor(couch, database, { onChanges, onState }) {
    this.couch = couch;
    this.path = `${encodeURIComponent(database)}/_changes`;
    this.onChanges = onChanges;
    this.onState = onState;
    this.since = "now";
    this.heard = false;
    this.stopped = null;
    this.brief = 0; // requests that are not to be kept waiting
    this.waiting = null; // what ends the request that is kept waiting
  }

  // Hold no connection for a while. A browser has six to one server, for all its windows.
  makeRoom() {
    this.brief = BRIEF_TURNS;
    this.waiting?.abort();
  }

  // Find out where the changes stand: what is asked for afterwards holds all that came before.
  async here() {
    this.since = (await this.couch.get(this.path, { since: "now", limit: 1 })).last_seq;
  }

  start() {
    if (this.stopped) return;
    this.stopped = new AbortController();
    this.heard = false;
    this.onState(null);
    this.#run(this.stopped.signal);
  }

  stop() {
    this.stopped?.abort();
    this.stopped = null;
  }

  async #run(signal) {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#ask(signal, failures > 0);
        failures = 0;
        await pause(this.brief ? BRIEF_MS : REST_MS, signal);
      } catch (trouble) {
        if (signal.aborted) return;
        if (trouble.name === "AbortError") continue;
        this.onState(false, trouble);
        if (trouble instanceof Refusal && (trouble.status === 401 || trouble.status === 403)) return this.stop();
        await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)], signal);
        failures += 1;
      }
    }
  }

  async #ask(signal, returning) {
    // After a break, and at first, an answer comes at once: it tells where the feed stands, and that there is one.
    const first = !this.heard || this.since === "now" || returning;
    const kept = !first && !this.brief;
    const query = { feed: kept ? "longpoll" : "normal", since: this.since, limit: MOST, timeout: WAIT_MS };
    this.brief = Math.max(0, this.brief - 1);
    this.waiting = kept ? new AbortController() : null;
    const due = AbortSignal.timeout((kept ? WAIT_MS : 0) + PATIENCE_MS);
    const answer = await this.couch.get(this.path, query, AbortSignal.any([signal, due, ...(kept ? [this.waiting.signal] : [])]));
    const leapt = this.since === "now"; // over changes that nobody was told of
    this.heard = true;
    this.onState(true);
    const full = answer.results.length >= MOST;
    this.since = full ? "now" : answer.last_seq;
    if (full || returning || leapt) this.onChanges(null);
    else if (answer.results.length) this.onChanges(answer.results.map((row) => row.id));
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over); // which lives as long as the feed, through a hundred thousand pauses
      resolve();
    };
    const timer = setTimeout(over, milliseconds);
    signal.addEventListener("abort", over);
  });
}
