// What two people changed on one document since both had read it.

const ENVELOPE = new Set(["_rev", "_revisions", "_attachments"]);

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function same(one, other) {
  if (isObject(one) && isObject(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...names].every((name) => same(one[name], other[name]));
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, at) => same(value, other[at]));
  }
  return one === other;
}

// The paths of the members that differ, each a list of names; a list counts as one value.
export function changedPaths(before, after, path = []) {
  if (!isObject(before) || !isObject(after)) return same(before, after) ? [] : [path];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const inner = path.length ? names : names.filter((name) => !ENVELOPE.has(name));
  return inner.flatMap((name) => changedPaths(before[name], after[name], [...path, name]));
}

export function at(value, path) {
  return path.reduce((inner, name) => (inner === null || inner === undefined ? undefined : inner[name]), value);
}

function within(path, other) {
  return path.every((name, index) => other[index] === name);
}

// Signs of life that a machine writes every few seconds: nobody's decision.
const BEATS = new Set(["claim.renewed_at", "heartbeat_at"]);

// Whether both changed the same member, or one what lies in a member of the other's.
export function clash(before, theirs, ours) {
  const mine = changedPaths(before, ours);
  return changedPaths(before, theirs).filter((path) => !BEATS.has(path.join(".")))
    .some((path) => mine.some((own) => within(path, own) || within(own, path)));
}

// Member by member: what it was, what they made of it, what you wanted. Those that clash come first.
export function compare(before, theirs, ours) {
  const mine = changedPaths(before, ours);
  const rows = changedPaths(before, theirs).map((path) => ({
    path: path.join("."),
    was: at(before, path),
    theirs: at(theirs, path),
    yours: at(ours, path),
    clashes: mine.some((own) => within(path, own) || within(own, path)),
  }));
  return rows.sort((one, other) => Number(other.clashes) - Number(one.clashes));
}
