// Elements from names, properties and children. A text is only ever a text: nothing here reads HTML.

export function el(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) set(made, key, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function set(made, key, value) {
  if (value === undefined || value === null || value === false) return;
  if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
  else if (key === "class") made.className = value;
  else if (key in made && typeof value !== "string") made[key] = value;
  else made.setAttribute(key, value === true ? "" : value);
}

const SHOWN = 200; // characters of a text that a list shows

// Text that anybody may have written: kept apart from the direction of what stands around it, and cut.
export function told(text, limit = SHOWN) {
  const whole = textOf(text);
  const characters = [...whole.slice(0, 2 * limit + 2)];
  const cut = characters.length > limit;
  const made = el("bdi", cut ? { title: visible(whole.slice(0, 2000)) } : {});
  made.textContent = visible(cut ? `${characters.slice(0, limit).join("")}…` : whole);
  return made;
}

// What stands for a value in a document, which may be of any type: an object may even refuse to be made a text.
export function textOf(value) {
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "" : JSON.stringify(value);
}

// Characters that draw nothing, or turn the direction of the line, are named instead.
export function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

// Put the texts or elements in place of what is there.
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Put what `make` makes of the value in place of what is there, if the value is not the one that stands there already:
// what is not drawn again keeps the focus and what is selected.
export function refill(element, value, make) {
  const text = JSON.stringify(value) ?? "";
  if (element.filledWith === text) return;
  element.filledWith = text;
  fill(element, make(value));
}

// Bring rows to what the items say. A row that stays keeps its element, and with it the focus and what was typed; if the
// one with the focus goes, what stands in its place gets it. An item that cannot be shown does not hide the others.
export function reconcile(parent, items, key, make) {
  const rows = parent.rowsByKey || (parent.rowsByKey = new Map());
  const kept = new Set(items.map(key));
  const focused = [...parent.children].findIndex((child) => child.contains(document.activeElement));
  for (const [name, row] of rows) {
    if (kept.has(name)) continue;
    row.element.remove();
    rows.delete(name);
  }
  let after = null;
  for (const item of items) {
    const name = key(item);
    const row = rowOf(parent, rows.get(name), name, item, make);
    rows.set(name, row);
    const place = after ? after.nextSibling : parent.firstChild;
    if (place !== row.element) parent.insertBefore(row.element, place);
    after = row.element;
  }
  if (focused >= 0 && !parent.contains(document.activeElement)) focusNear(parent, focused);
}

function rowOf(parent, before, name, item, make) {
  try {
    const row = !before || before.broken ? make(item) : before;
    row.update?.(item);
    if (row !== before) before?.element.remove();
    return row;
  } catch (trouble) {
    before?.element.remove();
    if (!before?.broken) reportError(trouble);
    return brokenRow(parent, name);
  }
}

function brokenRow(parent, name) {
  const words = [told(name, 80), " cannot be shown."];
  const element = parent.localName === "tbody" ? el("tr", {}, el("td", { colSpan: 9 }, words)) : el("li", {}, words);
  return { element, broken: true, tick() {} };
}

const FOCUSABLE = "a[href], button:not(:disabled), input, select";

// Where nothing is left in the parent, what is around it gets the focus.
function focusNear(parent, at) {
  const child = parent.children[Math.min(at, parent.children.length - 1)];
  const around = parent.parentElement?.closest("tr, li, section, main");
  const next = (child?.matches(FOCUSABLE) ? child : child?.querySelector(FOCUSABLE)) || around?.querySelector(FOCUSABLE);
  (next || document.getElementById("main")).focus();
}
