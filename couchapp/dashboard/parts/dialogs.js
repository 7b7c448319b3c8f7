// Questions before an act, and what is said when somebody else was faster.

import { compare } from "../acts/conflict.js";
import { el, told } from "../lib/dom.js";

let counter = 0;

// Show a dialog and tell what its form holds when it is sent, or null when it is left.
function ask(title, body, buttons) {
  counter += 1;
  const id = `dialog-${counter}`;
  return new Promise((resolve) => {
    let answer = null;
    const form = el("form", { method: "dialog" }, el("h2", { id }, title), body, el("div", { class: "buttons" }, buttons));
    const dialog = el("dialog", { "aria-labelledby": id }, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer = Object.fromEntries(new FormData(form, event.submitter));
      dialog.close();
    });
    dialog.addEventListener("click", (event) => {
      if (event.target.dataset?.leave) dialog.close();
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); }, { once: true });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const leave = (word) => el("button", { type: "button", "data-leave": "yes" }, word);

export function field(label, name, properties = {}) {
  const id = `field-${name}`;
  return [el("label", { for: id }, label), el("input", { id, name, autocomplete: "off", ...properties })];
}

export function choice(label, name, options, chosen) {
  const id = `field-${name}`;
  const made = options.map(([value, text]) => el("option", { value: String(value), selected: value === chosen }, text));
  return [el("label", { for: id }, label), el("select", { id, name }, made)];
}

// Tells the form's values, or null.
export function askFor(title, words, fields, button) {
  return ask(title, [words && el("p", {}, words), ...fields], [leave("Leave it"), el("button", { class: "strong" }, button)]);
}

// Tells whether to try again on what they wrote.
export async function tellConflict(name, { before, theirs, ours }) {
  if (theirs === null) {
    await ask("It is gone", el("p", {}, told(name), " was deleted in the meantime."), [leave("Close")]);
    return false;
  }
  const rows = compare(before, theirs, ours);
  const words = el("p", {}, "While you decided, ", told(name), " was changed by somebody else. Nothing of yours is written yet.");
  const again = el("button", { class: "strong", name: "again", value: "yes" }, "Write mine on top of it");
  const answer = await ask("Somebody was faster", [words, conflictTable(rows)], [leave("Leave theirs"), again]);
  return answer !== null;
}

// Something to read and to close. Tells whether it was left by the button that does more, if there is one.
export async function tell(title, body, more = "") {
  const button = more && el("button", { class: "strong", name: "more", value: "yes" }, more);
  return (await ask(title, body, button ? [leave("Leave theirs"), button] : [leave("Close")])) !== null;
}

const HEADS = ["What", "It was", "They wrote", "You want"];

export function conflictTable(rows) {
  const head = HEADS.map((text) => el("th", { scope: "col" }, text));
  const body = rows.map((row) => el("tr", { class: row.clashes ? "clash" : "" },
    el("th", { scope: "row" }, told(row.path, 60)), ...[row.was, row.theirs, row.yours].map((value, at) => el("td", { "data-label": HEADS[at + 1] }, shown(value)))));
  return el("div", { class: "scroll", role: "region", "aria-label": "What was changed", tabindex: "0" },
    el("table", { class: "cards conflict" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body)));
}

function shown(value) {
  if (value === undefined || value === null || value === "") return el("span", { class: "nothing" }, "nothing");
  return told(typeof value === "string" ? value : JSON.stringify(value), 120);
}
