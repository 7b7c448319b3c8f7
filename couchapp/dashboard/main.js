// The dashboard of a farm: signs in, follows the changes, and asks again for what is on the screen.

import { Farm } from "./farm.js";
import { Couch, placesOf } from "./lib/couch.js";
import { fill } from "./lib/dom.js";
import { Feed } from "./lib/feed.js";
import { Pace } from "./lib/pace.js";
import { Shell } from "./parts/shell.js";
import { signIn } from "./parts/signin.js";
import { Workers } from "./parts/workers.js";
import { rightsOf } from "./state/rights.js";

const REST_MS = 1_000;
const PAGES = [["workers", "Workers", (farm) => [new Workers(farm)]]];

class Dashboard {
  constructor() {
    const places = placesOf(location.pathname);
    this.main = document.getElementById("main");
    this.farm = new Farm(new Couch(places.root), places, document.getElementById("said"));
    this.farm.refresh = (part) => this.#ask(part);
    this.farm.couch.onSignedOut = () => this.#leave("You are not signed in any more.");
    this.shell = new Shell(document.getElementById("top"), places, PAGES, () => this.#signOut());
    this.pace = new Pace(REST_MS);
    this.parts = [];
    this.feeds = [];
  }

  async begin() {
    const user = await this.farm.couch.session();
    if (!user.name) return this.#leave("");
    this.farm.user = user;
    this.farm.rights = rightsOf(user, await this.farm.couch.get(`${this.farm.places.status}/_security`));
    this.shell.signedIn(this.farm);
    this.#open();
    this.#follow();
  }

  #leave(why) {
    for (const feed of this.feeds) feed.stop();
    this.feeds = [];
    this.parts = [];
    this.shell.signedOut();
    fill(this.main, signIn(this.farm.couch, () => this.begin(), why));
  }

  async #signOut() {
    await this.farm.couch.signOut();
    this.#leave("You have signed out.");
  }

  #open() {
    const [name, , make] = PAGES.find(([name]) => `#${name}` === location.hash) || PAGES[0];
    this.shell.at(name);
    this.parts = make(this.farm);
    fill(this.main, this.parts.map((part) => part.element));
    for (const part of this.parts) this.#ask(part);
  }

  #follow() {
    const { couch, places } = this.farm;
    this.feeds = [places.status, places.history].map((database) => new Feed(couch, database, {
      onChanges: (ids) => this.#changed(ids),
      onState: (connected, trouble) => this.shell.connection(database, connected, trouble),
    }));
    for (const feed of this.feeds) feed.start();
  }

  #changed(ids) {
    this.pace.mark(...(ids ? new Set(ids.map((id) => id.split(":")[0])) : ["everything"]));
    this.#turn();
  }

  #turn() {
    clearTimeout(this.timer);
    const topics = new Set(this.pace.take(performance.now()));
    for (const part of this.parts) {
      if (topics.has("everything") || part.topics.some((topic) => topics.has(topic))) this.#ask(part);
    }
    const delay = this.pace.delay(performance.now());
    if (delay < Infinity) this.timer = setTimeout(() => this.#turn(), delay);
  }

  async #ask(part) {
    try {
      part.show(await part.ask());
    } catch (trouble) {
      if (trouble.status) this.farm.say("bad", trouble.message);
      else if (!("status" in trouble)) throw trouble;
    }
  }

  tick() {
    const now = this.farm.couch.now();
    this.shell.tick(now);
    for (const part of this.parts) part.tick?.(now);
  }

  turnTo() {
    if (this.farm.user.name) this.#open();
  }
}

const dashboard = new Dashboard();
addEventListener("hashchange", () => dashboard.turnTo());
setInterval(() => dashboard.tick(), 1_000);
dashboard.begin();
