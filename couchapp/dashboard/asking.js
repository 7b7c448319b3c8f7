// The parts of the page that is open: asks each for what it shows, and says how old that is where no answer comes.

import { el, fill } from "./lib/dom.js";
import { EVERYTHING } from "./lib/pace.js";
import { span } from "./state/words.js";

const RETRY_MS = 5_000; // after a question that was not answered
const SLOW_MS = 10_000; // an answer that takes so long is spoken of

export class Asking {
  constructor() {
    this.parts = new Map(); // part -> how it stands: {asking, again, asked, answered, failed, trouble}
  }

  open(parts) {
    this.close();
    for (const part of parts) {
      part.element.classList.add("is-asked");
      this.parts.set(part, { asked: 0, answered: 0, failed: "", trouble: el("p", { class: "trouble" }) });
    }
    for (const part of parts) this.ask(part);
  }

  close() {
    for (const part of this.parts.keys()) part.close?.();
    this.parts.clear();
  }

  askAbout(topics) {
    for (const part of this.parts.keys()) {
      if (topics.has(EVERYTHING) || part.topics.some((topic) => topics.has(topic))) this.ask(part);
    }
  }

  // Ask for what a part shows; while an answer is awaited, one more question is kept, not ten.
  async ask(part) {
    const how = this.parts.get(part);
    if (!how) return;
    if (how.asking) {
      how.again = true;
      return;
    }
    Object.assign(how, { asking: true, again: false, asked: performance.now() });
    try {
      const answer = await part.ask();
      if (this.parts.get(part) !== how) return;
      part.show(answer);
      Object.assign(how, { answered: Date.now(), failed: "" });
      part.element.classList.remove("is-asked");
    } catch (trouble) {
      how.failed = trouble.message || String(trouble);
      if (trouble.status === undefined) reportError(trouble);
    } finally {
      how.asking = false;
    }
    tellTrouble(part, how);
    if (how.again) this.ask(part);
  }

  // `now` is the time by the server's clock.
  tick(now) {
    for (const [part, how] of this.parts) {
      part.tick?.(now);
      if (how.failed || how.asking) tellTrouble(part, how);
      const rest = how.failed ? RETRY_MS : part.seconds * 1000;
      if (rest && !how.asking && performance.now() - how.asked > rest) this.ask(part);
    }
  }
}

// What is on the screen is never older than one thinks.
function tellTrouble(part, how) {
  const waits = how.asking ? performance.now() - how.asked : 0;
  const slow = waits > SLOW_MS ? `no answer for ${span(waits / 1000)}, as the database is busy, or builds an index` : "";
  const why = how.failed ? `${how.failed}. It is asked again` : slow;
  if (!why) return how.trouble.remove();
  const age = how.answered ? `This is as it was ${span((Date.now() - how.answered) / 1000)} ago` : "This is not known yet";
  return part.element.append(fill(how.trouble, `${age}: ${why}.`));
}
