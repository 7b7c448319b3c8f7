// Answers that are kept until what they are about has changed: jobs that change do not ask for the workers again.

import { EVERYTHING } from "./pace.js";

export class Kept {
  // clock tells milliseconds.
  constructor(clock = () => Date.now()) {
    this.clock = clock;
    this.answers = new Map(); // name -> {topic, answer, until}
  }

  // The answer to the question of that name, which is about documents of one topic and good for so many seconds.
  get(topic, name, ask, seconds = Infinity) {
    const found = this.answers.get(name);
    if (found && this.clock() < found.until) return found.answer;
    const kept = { topic, answer: ask(), until: this.clock() + seconds * 1000 };
    this.answers.set(name, kept);
    kept.answer.catch(() => this.answers.get(name) === kept && this.answers.delete(name));
    return kept.answer;
  }

  forget(topics) {
    for (const [name, { topic }] of this.answers) {
      if (topics.has(topic) || topics.has(EVERYTHING)) this.answers.delete(name);
    }
  }
}
