// The dashboard of a farm: signs in, follows the changes, and asks again for what is on the screen.

import { Asking } from "./asking.js";
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
const CROWDED_MS = 3_000; // a question that waits so long may have no connection to be sent on
const ASLEEP_MS = 20_000; // where the clock leaps so far, the machine was asleep

class Dashboard {
  constructor() {
    const places = placesOf(location.pathname);
    this.main = document.getElementById("main");
    this.farm = new Farm(new Couch(places.root), places, document.getElementById("said"));
    this.asking = new Asking();
    this.farm.refresh = (part) => this.asking.ask(part);
    this.farm.wrote = (ids) => this.#askAbout(new Set(ids.map(topicOf)));
    this.farm.couch.onSignedOut = () => this.farm.user.name && this.#leave("You are not signed in any more.");
    this.shell = new Shell(document.getElementById("top"), places, PAGES, () => this.#signOut());
    this.pace = new Pace(REST_MS);
    this.feeds = [];
    this.ticked = Date.now();
    this.windows = new BroadcastChannel("crashfarm"); // of this browser, which share its connections
    this.windows.onmessage = () => this.#makeRoom();
    document.querySelector(".skip").addEventListener("click", (event) => this.#skip(event));
  }

  async begin() {
    const { couch, places } = this.farm;
    try {
      const user = await couch.session();
      if (!user.name) return this.#leave("");
      this.feeds = [places.status, places.history].map((database) => this.#feed(database));
      const [status, history] = [places.status, places.history].map((name) => couch.get(`${encodeURIComponent(name)}/_security`));
      const [security, others, setup] = await Promise.all([status, history, askSetup(couch, places), ...this.feeds.map((feed) => feed.here())]);
      this.farm.kept.forget(new Set([EVERYTHING]));
      Object.assign(this.farm, { user, ...setup, rights: rightsOf(user, security, others) });
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
    this.asking.close();
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    this.shell.signedOut();
    fill(this.main, signIn(this.farm.couch, () => this.begin(), why));
  }

  async #signOut() {
    try {
      await this.farm.couch.signOut();
      this.#leave("You have signed out.");
    } catch (trouble) {
      this.farm.say("bad", ["You are still signed in: ", this.farm.wordsOf(trouble)]);
    }
  }

  // An address that ends in #main would be another page.
  #skip(event) {
    event.preventDefault();
    this.main.focus();
    this.main.scrollIntoView();
  }

  turnTo() {
    if (!this.farm.user.name) return;
    const [name, title, make] = PAGES.find(([name]) => `#${name}` === location.hash) || PAGES[0];
    this.shell.at(name);
    document.title = `${title} · ${this.farm.places.status}`;
    const parts = make(this.farm);
    this.main.className = `page-${name}`;
    fill(this.main, parts.map((part) => part.element));
    this.asking.open(parts);
  }

  #feed(database) {
    return new Feed(this.farm.couch, database, {
      onChanges: (ids) => this.#changed(ids),
      onState: (heard, trouble) => this.#heard(database, heard, trouble),
    });
  }

  #heard(database, heard, trouble) {
    if (trouble?.status === 403) this.#leave("That user may not see this farm any more.");
    else this.shell.connection(database, heard);
  }

  // A page that nobody sees asks nothing; browsers have few connections to one server.
  look() {
    for (const feed of this.feeds) {
      if (document.hidden) feed.stop();
      else feed.start();
    }
  }

  turnedTo() {
    this.look();
    if (!document.hidden) this.#checkUser();
  }

  // Another tab of this browser may have signed in somebody else, in whose name all would be done.
  async #checkUser() {
    const user = this.farm.user.name;
    const now = await this.farm.couch.session().catch(() => null);
    if (!now || this.farm.user.name !== user || now.name === user) return;
    if (user) this.#leave("You are not signed in any more.");
    if (now.name) this.begin();
  }

  #makeRoom() {
    for (const feed of this.feeds) feed.makeRoom();
  }

  // Connections from before the sleep may be dead and not know it.
  #wake() {
    for (const feed of this.feeds) feed.stop();
    this.turnedTo();
    this.#changed(null);
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
    this.asking.askAbout(topics);
  }

  tick() {
    const now = this.farm.couch.now();
    const slept = Date.now() - this.ticked > ASLEEP_MS;
    this.ticked = Date.now();
    if (document.hidden) return;
    this.shell.tick();
    if (slept) this.#wake();
    this.asking.tick(now);
    if (this.farm.couch.waits > CROWDED_MS) {
      this.windows.postMessage("crowded");
      this.#makeRoom();
    }
  }
}

const dashboard = new Dashboard();
addEventListener("hashchange", () => dashboard.turnTo());
document.addEventListener("visibilitychange", () => dashboard.turnedTo());
setInterval(() => dashboard.tick(), REST_MS);
dashboard.begin();
