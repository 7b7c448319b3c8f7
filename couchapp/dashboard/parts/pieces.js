// Pieces that several parts are made of.

import { el, fill, told } from "../lib/dom.js";
import { ago } from "../state/words.js";

let counter = 0;

// A section with its title; `level` 1 is a page's first.
export function section(title, level, ...children) {
  counter += 1;
  const id = `title-${counter}`;
  return el("section", { "aria-labelledby": id }, el(`h${level}`, { id }, title), ...children);
}

// A table whose rows become cards on a phone. `heads` are the columns' names; "" is a column of acts or marks.
export function table(caption, heads, body, kind = "") {
  const cells = heads.map((text) => el("th", { scope: "col" }, text || el("span", { class: "heard" }, "Acts")));
  return el("table", { class: `cards ${kind}` }, el("caption", { class: "heard" }, caption), el("thead", {}, el("tr", {}, cells)), body);
}

export function cell(label, ...children) {
  return el("td", { "data-label": label }, ...children);
}

// A document's time as its age, which `tick` keeps true, in the words that `say` makes of it.
export function age(text, say = ago) {
  const element = el("time", { datetime: String(text ?? "").slice(0, 40), title: String(text ?? "").slice(0, 40) });
  return { element, tick: (now) => setText(element, say(text, now)) };
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// What stands where there is nothing to show, and in what way that is good or bad.
export function nothing(words) {
  return el("p", { class: "empty" }, words);
}

export function kindMark(kind) {
  return el("span", { class: `kind of-${kind}` }, told(kind, 20));
}

// Buttons to the page before and after. `onTurn` is given the row that the page begins with, null for the first.
export class Pager {
  constructor(what, onTurn) {
    this.starts = [null];
    this.before = el("button", { type: "button", disabled: true, onclick: () => this.#turn(-1, onTurn) }, "Previous");
    this.after = el("button", { type: "button", disabled: true, onclick: () => this.#turn(1, onTurn) }, "Next");
    this.words = el("span", { class: "dim" });
    this.element = el("nav", { class: "pager", "aria-label": `Pages of ${what}`, hidden: true }, this.before, this.words, this.after);
  }

  get start() {
    return this.starts[this.starts.length - 1];
  }

  get number() {
    return this.starts.length;
  }

  reset() {
    this.starts = [null];
  }

  show(next) {
    this.next = next;
    this.before.disabled = this.starts.length < 2;
    this.after.disabled = !next;
    this.element.hidden = this.starts.length < 2 && !next;
    fill(this.words, `page ${this.number}`);
  }

  #turn(step, onTurn) {
    if (step > 0) this.starts.push(this.next);
    else this.starts.pop();
    this.before.disabled = true;
    this.after.disabled = true;
    onTurn();
  }
}
