// What the workers had to say.

import { el, reconcile, told } from "../lib/dom.js";
import { askMessages } from "../state/messages.js";
import { documentLink } from "./links.js";
import { age, nothing, section } from "./pieces.js";

export class Messages {
  topics = ["message"];

  constructor(farm, limit = 8) {
    this.farm = farm;
    this.limit = limit;
    this.list = el("ul", { class: "messages" });
    this.element = section("Messages", 2, this.list, nothing("Nobody has said anything."));
  }

  ask() {
    return askMessages(this.farm.couch, this.farm.places, this.limit);
  }

  show(messages) {
    reconcile(this.list, messages, (message) => message._id, (message) => {
      const when = age(message.at);
      const element = el("li", {}, el("span", { class: `level of-${message.level}` }, told(message.level, 20)), " ", told(message.text, 400), " ",
        documentLink(this.farm, this.farm.places.status, message._id),
        el("span", { class: "under" }, message.worker ? [told(message.worker, 40), ", "] : null, when.element));
      return { element, tick: when.tick };
    });
    this.element.classList.toggle("is-empty", !messages.length);
    this.tick(this.farm.couch.now());
  }

  tick(now) {
    for (const row of this.list.rowsByKey?.values() || []) row.tick(now);
  }
}
