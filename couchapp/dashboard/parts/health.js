// How the databases do.

import { el, fill, reconcile, refill, told } from "../lib/dom.js";
import { askConflicts, askHealth } from "../state/health.js";
import { bytes, count, plural } from "../state/words.js";
import { databaseLink, documentLink } from "./links.js";
import { cell, nothing, section, table } from "./pieces.js";

const BAD = 0.5; // fragmentation from which on it is worth a look,
const LARGE = 50e6; // in a file of so many bytes
const percent = (part) => `${Math.round(part * 100)} %`;

export class Health {
  topics = [];
  seconds = 10; // asked again so often, whatever changes

  constructor(farm) {
    this.farm = farm;
    this.bodies = el("tbody");
    this.indexes = el("tbody");
    this.replications = el("tbody");
    this.conflicts = el("ul", { class: "plain" });
    this.unreplicated = nothing("");
    this.unlisted = el("p", { class: "dim" });
    this.unlistedConflicts = el("p", { class: "dim" });
    this.replicated = section("Replications", 2, table("Replications", ["Replication", "From", "To", "State"], this.replications), this.unlisted, this.unreplicated);
    this.conflicted = section("Conflicts", 2, this.conflicts, this.unlistedConflicts, nothing("No document is in conflict."));
    this.element = el("div", {},
      section("Databases", 1, table("Databases", ["Database", "Documents", "Size", "Fragmentation", "Conflicts"], this.bodies, "brief")),
      section("Indexes", 2, table("Indexes", ["Index", "Behind by", "Size", "Fragmentation"], this.indexes, "brief")), this.replicated, this.conflicted);
  }

  async ask() {
    const { couch, places, rights } = this.farm;
    const health = await askHealth(couch, places, rights.serverAdmin);
    const open = await Promise.all(health.databases.filter((one) => one.conflicts.length)
      .map(async ({ name }) => (await askConflicts(couch, name)).map((row) => ({ ...row, database: name }))));
    return { ...health, open: open.flat() };
  }

  show({ databases, replications, open }) {
    const indexes = databases.flatMap((one) => one.indexes.map((index) => ({ ...index, database: one.name, key: `${one.name}/${index.name}` })));
    redraw(this.bodies, databases, (one) => one.name, (one) => databaseCells(one, this.farm));
    redraw(this.indexes, indexes, (index) => index.key, (index) => indexCells(index, this.farm));
    redraw(this.replications, replications?.told || [], (one) => one.id, (one) => replicationCells(one, this.farm));
    fill(this.unreplicated, WHY_NONE[this.#whatIsTold(replications)]);
    this.replicated.classList.toggle("is-empty", !replications?.told.length);
    fill(this.unlisted, replications?.left ? `and ${plural(replications.left, "more replication")}.` : "");
    reconcile(this.conflicts, open, (one) => `${one.database} ${one.id}`, (one) => ({
      element: el("li", {}, told(one.id, 80), `: ${plural(one.revisions, "revision")} against the winner `, documentLink(this.farm, one.database, one.id)),
    }));
    const all = databases.flatMap((one) => one.conflicts).reduce((sum, row) => sum + row.documents, 0);
    fill(this.unlistedConflicts, all > open.length ? `and ${plural(all - open.length, "document")} more.` : "");
    this.conflicted.classList.toggle("is-empty", !open.length);
  }

  #whatIsTold(replications) {
    if (replications) return "nothing";
    return this.farm.rights.serverAdmin ? "unknown" : "kept";
  }
}

const WHY_NONE = {
  nothing: "Nothing replicates by a document of this server.",
  kept: "CouchDB tells what replicates to administrators of the server only.",
  unknown: "This server does not tell what replicates.",
};

function redraw(body, items, key, cells) {
  reconcile(body, items, key, () => {
    const element = el("tr");
    return { element, update: (item) => refill(element, item, cells) };
  });
}

function fragmented(one) {
  const words = one.compacting ? `${percent(one.fragmentation)}, being compacted` : percent(one.fragmentation);
  return cell("Fragmentation", el("span", { class: one.fragmentation > BAD && one.file > LARGE ? "late" : "" }, words));
}

function databaseCells(one, farm) {
  const conflicts = one.conflicts.reduce((sum, row) => sum + row.documents, 0);
  return [
    el("th", { scope: "row" }, told(one.name, 60), " ", databaseLink(farm, one.name)), cell("Documents", count(one.documents), el("span", { class: "under" }, `${count(one.deleted)} deleted`)),
    cell("Size", bytes(one.file)), fragmented(one), cell("Conflicts", el("span", { class: conflicts ? "late" : "" }, count(conflicts))),
  ];
}

function indexCells(index, farm) {
  const behind = index.behind === null ? "not told" : index.behind ? plural(index.behind, "change") : "up to date";
  return [el("th", { scope: "row" }, told(index.key, 80), " ", documentLink(farm, index.database, `_design/${index.name}`)), cell("Behind by", index.building ? `${behind}, being built` : behind), cell("Size", bytes(index.file)), fragmented(index)];
}

function replicationCells(one, farm) {
  const bad = one.trouble || one.state === "failed" || one.state === "crashing";
  const state = [el("span", { class: bad ? "late" : "" }, told(one.state, 30)), one.pending ? `, ${plural(one.pending, "change")} to go` : "", one.trouble ? el("span", { class: "under" }, told(one.trouble, 160)) : null];
  return [el("th", { scope: "row" }, told(one.id, 60), " ", documentLink(farm, one.database, one.id)), cell("From", told(plainUrl(one.source), 80)), cell("To", told(plainUrl(one.target), 80)), cell("State", state)];
}

// An address without the user and password that it may hold.
function plainUrl(text) {
  return String(text ?? "").replace(/\/\/[^/@]*@/, "//");
}
