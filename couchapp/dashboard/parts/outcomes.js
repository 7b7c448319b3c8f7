// What became of each of several documents, where not all went well.

import { compare } from "../acts/conflict.js";
import { el, told } from "../lib/dom.js";
import { plainName, plural } from "../state/words.js";
import { conflictTable, tell } from "./dialogs.js";

const SHOWN = 20;

// Tells whether the user wants it on top of what others wrote.
export function tellOutcomes(failed, all) {
  const words = el("p", {}, `${plural(failed.length, "document")} of ${all} could not be written. What others wrote stands.`);
  const possible = failed.filter((one) => one.retry);
  const onTop = possible.some((one) => one.conflict);
  const items = failed.slice(0, SHOWN).map(({ id, reason, conflict }) => el("li", {}, told(plainName(id), 60), ": ", told(reason, 200),
    conflict?.theirs ? el("details", {}, el("summary", {}, "What was changed"), conflictTable(compare(conflict.before, conflict.theirs, conflict.ours))) : null));
  const more = failed.length > SHOWN ? el("p", { class: "dim" }, `and ${plural(failed.length - SHOWN, "document")} more`) : null;
  return tell("Not all of it was done", [words, el("ul", { class: "outcomes" }, items), more], possible.length && (onTop ? `Write mine on top of ${plural(possible.length, "document")}` : `Try ${plural(possible.length, "document")} again`));
}
