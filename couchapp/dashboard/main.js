// The dashboard of a farm: signs in, follows the changes, and asks again for what is on the screen.

import { Farm } from "./farm.js";
import { Couch, placesOf } from "./lib/couch.js";
import { el, fill } from "./lib/dom.js";
import { Feed } from "./lib/feed.js";
import { EVERYTHING, Pace, topicOf } from "./lib/pace.js";
import { PAGES } from "./pages.js";
import { Shell } from "./parts/shell.js";
import { signIn } from "./parts/signin.js";
import { askSetup } from "./state/addresses.js";
import { rightsOf } from "./state/rights.js";

const REST_MS = 1_000;

class Dashboard {
  constructor() {
    const places = placesOf(location.pathname);
    this.main = document.getElementById("main");
    this.farm = new Farm(new Couch(places.root), places, document.getElementById("said"));
    this.farm.refresh = (part) => this.#ask(part);
    this.farm.wrote = (ids) => this.#askAbout(new Set(ids.map(topicOf)));
    this.farm.couch.onSignedOut = () => this.farm.user.name && this.#leave("You are not signed in any more.");
    this.shell = new Shell(document.getElementById("top"), places, PAGES, () => this.#signOut());
    this.pace = new Pace(REST_MS);
    this.shown = new Map(); // part -> how it stands: {asking, again, asked, trouble}
    this.feeds = [];
  }

  async begin() {
    const { couch, places } = this.farm;
    try {
      const user = await couch.session();
      if (!user.name) return this.#leave("");
      this.feeds = [places.status, places.history].map((database) => this.#feed(database));
      const path = `${encodeURIComponent(places.status)}/_security`;
      const [security, setup] = await Promise.all([couch.get(path), askSetup(couch, places), ...this.feeds.map((feed) => feed.here())]);
      this.farm.kept.forget(new Set([EVERYTHING]));
      Object.assign(this.farm, { user, ...setup, rights: rightsOf(user, security) });
    } catch (trouble) {
      if (trouble.status === 403) return this.#leave("That user may not see this farm.");
      if (trouble.status === 401) return this.#leave("");
      return this.#later(trouble);
    }
    this.shell.signedIn(this.farm);
    this.turnTo();
    return this.look();
  }

  #later(trouble) {
    fill(this.main, el("p", { class: "lede" }, `${this.farm.wordsOf(trouble)}. It is asked again.`));
    setTimeout(() => this.begin(), 3 * REST_MS);
  }

  #leave(why) {
    for (const feed of this.feeds) feed.stop();
    this.feeds = [];
    this.farm.user = { name: null, roles: [] };
    this.#close();
    this.shell.signedOut();
    fill(this.main, signIn(this.farm.couch, () => this.begin(), why));
  }

  async #signOut() {
    await this.farm.couch.signOut();
    this.#leave("You have signed out.");
  }

  turnTo() {
    if (!this.farm.user.name) return;
    const [name, title, make] = PAGES.find(([name]) => `#${name}` === location.hash) || PAGES[0];
    this.#close();
    this.shell.at(name);
    document.title = `${title} · ${this.farm.places.status}`;
    for (const part of make(this.farm)) {
      part.element.classList.add("is-asked");
      this.shown.set(part, { asked: 0, trouble: el("p", { class: "trouble" }) });
    }
    this.main.className = `page-${name}`;
    fill(this.main, [...this.shown.keys()].map((part) => part.element));
    for (const part of this.shown.keys()) this.#ask(part);
  }

  #close() {
    for (const part of this.shown.keys()) part.close?.();
    this.shown.clear();
  }

  #feed(database) {
    return new Feed(this.farm.couch, database, {
      onChanges: (ids) => this.#changed(ids),
      onState: (connected) => this.shell.connection(database, connected),
    });
  }

  // A page that nobody sees asks nothing; browsers have few connections to one server.
  look() {
    for (const feed of this.feeds) {
      if (document.hidden) feed.stop();
      else feed.start();
    }
  }

  #changed(ids) {
    this.pace.mark(...(ids ? new Set(ids.map(topicOf)) : [EVERYTHING]));
    this.#turn();
  }

  #turn() {
    clearTimeout(this.timer);
    this.#askAbout(new Set(this.pace.take(performance.now())));
    const delay = this.pace.delay(performance.now());
    if (delay < Infinity) this.timer = setTimeout(() => this.#turn(), delay);
  }

  #askAbout(topics) {
    this.farm.kept.forget(topics);
    for (const part of this.shown.keys()) {
      if (topics.has(EVERYTHING) || part.topics.some((topic) => topics.has(topic))) this.#ask(part);
    }
  }

  // Ask for what a part shows; while an answer is awaited, one more question is kept, not ten.
  async #ask(part) {
    const how = this.shown.get(part);
    if (!how) return;
    if (how.asking) {
      how.again = true;
      return;
    }
    Object.assign(how, { asking: true, again: false, asked: performance.now() });
    try {
      const answer = await part.ask();
      if (this.shown.get(part) !== how) return;
      part.show(answer);
      how.trouble.remove();
      part.element.classList.remove("is-asked");
    } catch (trouble) {
      if (trouble.status === undefined) throw trouble;
      if (trouble.status) part.element.append(fill(how.trouble, `This could not be asked: ${trouble.message}`));
    } finally {
      how.asking = false;
    }
    if (how.again) this.#ask(part);
  }

  tick() {
    const now = this.farm.couch.now();
    this.shell.tick();
    if (document.hidden) return;
    for (const [part, how] of this.shown) {
      part.tick?.(now);
      if (part.seconds && performance.now() - how.asked > part.seconds * 1000) this.#ask(part);
    }
  }
}

const dashboard = new Dashboard();
addEventListener("hashchange", () => dashboard.turnTo());
document.addEventListener("visibilitychange", () => dashboard.look());
setInterval(() => dashboard.tick(), REST_MS);
dashboard.begin();
