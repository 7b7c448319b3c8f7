// Where a thing is to be seen elsewhere: its document in Fauxton, its page in the published report.

import { documentPath } from "../lib/couch.js";
import { digest } from "../lib/sha256.js";

const PAGES = "_design/dashboard";
const SETTINGS = "_design/dashboard-settings";

// What the farm is set up with: the address of the published report, or "", which is the member `report` of a document
// that only administrators can write; and whether the chart's library came with the pages.
export async function askSetup(couch, places) {
  const found = await couch.documents(places.status, [PAGES, SETTINGS]);
  const one = (id) => found.find((doc) => doc._id === id) || {};
  return { report: reportAddress(one(SETTINGS).report), charts: "vendor/uplot.js" in (one(PAGES)._attachments || {}) };
}

// Only an address that a page can be at: http or https, with a slash in the end.
export function reportAddress(text) {
  if (typeof text !== "string" || !/^https?:\/\/[^\s"'<>]+$/.test(text)) return "";
  return text.replace(/(\/index\.html)?\/*$/, "/");
}

export function inFauxton(root, database, id) {
  return `${root}/_utils/#database/${encodeURIComponent(database)}/${documentPath(id)}`;
}

export function signatureName({ kind, detail, message }) {
  return digest([kind, detail, kind === "assertion" ? message : ""], 16);
}

export function signaturePage(report, signature) {
  return report && `${report}signature/${signatureName(signature)}.html`;
}

function slug(text) {
  return [...text].map((character) => (/[A-Za-z0-9.-]/.test(character) ? character : "-")).slice(0, 40).join("").replace(/^[-.]+|[-.]+$/g, "");
}

function named(readable, parts) {
  return `${slug(readable)}-${digest(parts, 8)}`.replace(/^-+|-+$/g, "");
}

export function branchPage(report, product, branch) {
  return report && `${report}branch/${named(`${product}-${branch}`, [product, branch])}.html`;
}

export function machinePage(report, { os_name, os_version, cpu_name }) {
  const parts = [os_name, os_version, cpu_name];
  return report && `${report}machine/${named(parts.join("-"), parts)}.html`;
}

export function bugPage(report, id) {
  return report && `${report}bug/${named(id.replace(/^bug:/, ""), [id])}.html`;
}
