// The top of every page: where one is, whether the farm is heard, who is signed in.

import { el, fill, told } from "../lib/dom.js";
import { ago } from "../state/words.js";
import { setText } from "./pieces.js";

export class Shell {
  constructor(element, places, pages, onSignOut) {
    this.element = element;
    this.lost = new Map(); // database -> when it was lost, or "" while its first answer is awaited
    this.word = el("span", { role: "status" });
    this.since = el("span", {}); // changes each second: nobody wants to hear that
    this.heard = el("p", { class: "live", hidden: true }, this.word, this.since);
    this.links = new Map(pages.map(([name, title]) => [name, el("a", { href: `#${name}` }, title)]));
    this.nav = el("nav", { "aria-label": "Dashboard", hidden: true }, ...this.links.values());
    this.user = el("div", { class: "user" });
    this.onSignOut = onSignOut;
    const brand = el("span", { class: "brand" }, el("img", { src: "mark.svg", alt: "", width: "30", height: "30" }), told(places.status, 40));
    fill(element, brand, this.nav, this.heard, this.user);
  }

  signedIn(farm) {
    this.nav.hidden = false;
    const role = farm.rights.admin ? "administrator" : farm.rights.write ? "" : "may read";
    fill(this.user, told(farm.user.name, 40), role && el("span", { class: "dim" }, ` ${role}`),
      el("button", { type: "button", onclick: this.onSignOut }, "Sign out"));
  }

  signedOut() {
    this.nav.hidden = true;
    this.lost.clear();
    fill(this.user);
    this.heard.hidden = true;
  }

  at(name) {
    for (const [other, link] of this.links) {
      if (other === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  // `heard` is true, false, or null where that is being found out.
  connection(database, heard) {
    if (heard) this.lost.delete(database);
    else if (!this.lost.get(database)) this.lost.set(database, heard === null ? "" : new Date().toISOString());
    this.#show();
  }

  tick() {
    if (this.lost.size) this.#show();
  }

  #show() {
    const [since] = [...this.lost.values()].filter(Boolean).sort();
    this.heard.hidden = false;
    this.heard.classList.toggle("lost", Boolean(since));
    setText(this.word, since ? "not connected" : this.lost.size ? "catching up" : "live");
    setText(this.since, since ? `, lost ${ago(since, Date.now())}` : "");
  }
}
