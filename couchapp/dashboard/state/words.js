// Numbers and times as people read them.

export function count(number) {
  return typeof number === "number" ? number.toLocaleString("en-US") : "–";
}

const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60]];

// A length of time in seconds, in its two largest units at most: "3 h 20 min".
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first < 0) return `${whole} s`;
  const [name, size] = UNITS[first];
  const [next, smaller] = UNITS[first + 1] || ["s", 1];
  const rest = Math.floor((whole % size) / smaller);
  return `${Math.floor(whole / size)} ${name}${rest && whole / size < 10 ? ` ${rest} ${next}` : ""}`;
}

const AHEAD_SECONDS = 60; // so much clocks may differ before it is spoken of

// How long ago a document's time was; a time that cannot be read is told as it is.
export function ago(text, now) {
  const moment = Date.parse(text || "");
  if (Number.isNaN(moment)) return text ? String(text) : "never";
  const seconds = (now - moment) / 1000;
  if (seconds < -AHEAD_SECONDS) return `by a clock that is ${span(-seconds)} ahead`;
  return seconds < 1 ? "just now" : `${span(seconds)} ago`;
}

// For how long something has been so; "" where that is not known.
export function lasting(text, now) {
  const moment = Date.parse(text || "");
  return Number.isNaN(moment) ? "" : ` for ${span((now - moment) / 1000)}`;
}

// A moment as documents hold it: to the millisecond, in UTC.
export function stamp(milliseconds) {
  return new Date(milliseconds).toISOString();
}

export function bytes(number) {
  if (typeof number !== "number") return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, number)) / 3));
  const value = number / 1000 ** power;
  return `${value < 10 && power ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

// The part of an id behind its type: `worker:alpha` is `alpha`.
export function plainName(id) {
  return String(id).slice(String(id).indexOf(":") + 1);
}
