// A known bug and the matchers that tell which findings are its own.

import { Impossible } from "./impossible.js";
import { same } from "./conflict.js";

// "bugzilla:1234", "bug:bugzilla:1234" or "bugzilla 1234". A tracker may be a host or a repository, as in
// "bugzilla.mozilla.org:1" and "python/cpython:12"; it is taken as it is written, as the command line does.
export function readBug(text) {
  const found = /^\s*(?:bug:)?([^\s:]{1,200})(?::\s*|\s+)(?!\/\/)(\S{1,200})\s*$/.exec(text);
  if (!found) throw new Impossible(`${JSON.stringify(text)} is no bug: write its tracker and its number, as in bugzilla:1234`);
  return { tracker: found[1], number: found[2] };
}

export function bugId({ tracker, number }) {
  return `bug:${tracker}:${number}`;
}

export function newBug({ tracker, number }) {
  return {
    _id: bugId({ tracker, number }), type: "bug", tracker, number, title: "", state: "open", resolution: "", url: "",
    matchers: [], fixed_on: [], updated_at: "",
  };
}

// The bug, which explains what has this signature, too.
export function addMatcher(bug, matcher) {
  const matchers = bug.matchers || [];
  return matchers.some((one) => same(one, matcher)) ? bug : { ...bug, matchers: [...matchers, matcher] };
}

// What tells all findings of one signature, wherever they are seen. An assertion's message is part of it.
export function matcherFor({ kind, detail, message }) {
  return kind === "assertion" ? { kind, signature: detail, text: message, how: "exact" } : { kind, signature: detail };
}
