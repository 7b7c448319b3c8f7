// Links that lead out of the dashboard: to a document in Fauxton, to a page of the report.

import { el, told } from "../lib/dom.js";
import { inFauxton } from "../state/addresses.js";

function elsewhere(href, text, heard) {
  return el("a", { href, class: "elsewhere", target: "_blank", rel: "noopener" }, text, el("span", { class: "heard" }, " ", told(heard, 60)));
}

export function documentLink(farm, database, id) {
  return elsewhere(inFauxton(farm.places.root, database, id), "document", `${id} in Fauxton`);
}

export function databaseLink(farm, database) {
  return elsewhere(inFauxton(farm.places.root, database, "_all_docs"), "documents", `${database} in Fauxton`);
}

// Nothing where no report is published, or its address is not told.
export function reportLink(href, heard) {
  return href ? elsewhere(href, "report", `page of ${heard}`) : null;
}
