// Decides when to ask again: what changed is asked for at once, but never twice within a second.

export const EVERYTHING = "everything"; // stands for all topics

export class Pace {
  constructor(rest) {
    this.rest = rest; // milliseconds
    this.wanted = new Set();
    this.asked = -Infinity;
  }

  mark(...topics) {
    for (const topic of topics) this.wanted.add(topic);
  }

  // Milliseconds until something may be asked; Infinity where nothing is wanted.
  delay(now) {
    return this.wanted.size ? Math.max(0, this.asked + this.rest - now) : Infinity;
  }

  // What is to be asked now, if it is time.
  take(now) {
    if (this.delay(now) > 0) return [];
    const topics = [...this.wanted];
    this.wanted.clear();
    this.asked = now;
    return topics;
  }
}

// What a changed document is about: "job" of "job:…", "history" of "history_crash:…", "_design" of "_design/jobs".
export function topicOf(id) {
  return /^(_design|history|[^:/]*)/.exec(id)[0];
}
