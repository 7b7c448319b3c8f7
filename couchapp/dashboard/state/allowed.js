// What the owners of workers let the farm run: the rules of crashfarm/programs.py and crashfarm/sources.py.

const OWN = "{build}/"; // how a program begins that is in the downloaded build itself

// Whether workers of a kind may run a build. What a program's bare name means, the worker alone knows.
export function permitsBuild(kind, build) {
  const [program] = build.command || [];
  if (!program) return false;
  if (!build.artifact) return permitsProgram(kind.allow, program);
  if (!permitsAddress(kind.allow_builds_from, build.artifact.url)) return false;
  return program.startsWith(OWN) || permitsProgram(kind.allow, program);
}

function permitsProgram(patterns, program) {
  return !program.includes("/") || patterns.some((pattern) => fits(program.split("/"), pattern.split("/")));
}

function fits(parts, wanted) {
  if (parts.includes("..") || parts.length !== wanted.length) return false;
  return parts.every((part, at) => globbed(wanted[at]).test(part));
}

// A pattern of a file's name: * is anything, ? one character, [a-c] one of some, [!a-c] one of the others.
function globbed(pattern) {
  const words = pattern.match(/\[!?\]?[^\]]*\]|[^]/gu) || [];
  return new RegExp(`^${words.map(ruleOf).join("")}$`, "su");
}

function ruleOf(word) {
  if (word === "*") return ".*";
  if (word === "?") return ".";
  if (word.length < 3 || word[0] !== "[") return escaped(word);
  const others = word[1] === "!";
  const among = [...word.slice(others ? 2 : 1, -1)].map((one) => (one === "-" ? one : escaped(one))).join("");
  return `[${others ? "^" : ""}${among}]`;
}

function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

const PORTS = { http: 80, https: 443 };

// Whether an address is below one of the prefixes: the same scheme, host and port, and a path that begins with its.
export function permitsAddress(prefixes, address) {
  const wanted = readAddress(address);
  return wanted !== null && prefixes.map(readAddress)
    .some((one) => one !== null && one.place === wanted.place && wanted.path.startsWith(`${one.path.replace(/\/+$/, "")}/`));
}

// The parts of an address without tricks: no user, no blanks, no steps up, written out or escaped.
function readAddress(text) {
  const found = /^(https?):\/\/([^/?#@:[\]]+|\[[\da-f:.]+\])(?::(\d{0,5}))?(\/[^?#]*)?(?:[?#].*)?$/i.exec(text);
  if (!found || /[\u0000-\u0020\u007f\\]/.test(text)) return null;
  const [, scheme, host, port, path = ""] = found;
  const steps = unescaped(unescaped(path)).replace(/\\/g, "/").split("/");
  const number = Number(port || PORTS[scheme.toLowerCase()]);
  if (steps.includes("..") || steps.includes(".") || number < 1 || number > 65_535) return null;
  return { place: `${scheme}://${host}:${number}`.toLowerCase(), path };
}

function unescaped(text) {
  return text.replace(/%([\da-f]{2})/gi, (escape, digits) => String.fromCharCode(parseInt(digits, 16)));
}
