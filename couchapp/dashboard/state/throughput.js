// How many jobs ended in each of the last minutes, by how they ended.

export const MINUTES = 60;
export const OUTCOMES = ["success", "failure", "error"];

// {minutes: [milliseconds], success: [..], failure: [..], error: [..]}; the last minute is the one that runs.
export async function askThroughput(couch, places, now) {
  const minutes = lastMinutes(now);
  const query = { group_level: 2, startkey: [minuteText(minutes[0])], endkey: [minuteText(minutes[MINUTES - 1]), {}] };
  const answer = await couch.view(places.history, "recent", "results", query);
  return series(minutes, answer.rows);
}

const FRESH_SECONDS = 15; // the minutes go on whether anything ends or not

export function keptThroughput({ couch, places, kept }) {
  return kept.get("result", "throughput", () => askThroughput(couch, places, couch.now()), FRESH_SECONDS);
}

export function lastMinutes(now) {
  const last = Math.floor(now / 60_000) * 60_000;
  return Array.from({ length: MINUTES }, (_, at) => last - (MINUTES - 1 - at) * 60_000);
}

export function minuteText(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 16);
}

export function series(minutes, rows) {
  const at = new Map(minutes.map((minute, index) => [minuteText(minute), index]));
  const made = { minutes, ...Object.fromEntries(OUTCOMES.map((outcome) => [outcome, minutes.map(() => 0)])) };
  for (const { key: [minute, outcome], value } of rows) {
    if (at.has(minute) && made[outcome]) made[outcome][at.get(minute)] += value;
  }
  return made;
}

// Jobs a minute over the last `window` whole minutes.
export function rate(told, window = 5) {
  const from = told.minutes.length - 1 - window;
  const ended = OUTCOMES.reduce((sum, outcome) => sum + told[outcome].slice(from, -1).reduce((one, other) => one + other, 0), 0);
  return ended / window;
}
