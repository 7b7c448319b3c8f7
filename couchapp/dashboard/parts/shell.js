// The top of every page: where one is, whether the farm is heard, who is signed in.

import { el, fill, told } from "../lib/dom.js";
import { ago } from "../state/words.js";

export class Shell {
  constructor(element, places, pages, onSignOut) {
    this.element = element;
    this.lost = new Map(); // database -> when it was lost
    this.heard = el("p", { class: "live", role: "status" });
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
    fill(this.heard);
  }

  at(name) {
    for (const [other, link] of this.links) {
      if (other === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  connection(database, connected) {
    const before = this.lost.size;
    if (connected) this.lost.delete(database);
    else if (!this.lost.has(database)) this.lost.set(database, new Date().toISOString());
    if (this.lost.size !== before || !this.heard.firstChild) this.#show();
  }

  tick() {
    if (this.lost.size) this.#show();
  }

  #show() {
    const [since] = [...this.lost.values()].sort();
    this.heard.classList.toggle("lost", Boolean(since));
    fill(this.heard, since ? `not connected, lost ${ago(since, Date.now())}` : "live");
  }
}
