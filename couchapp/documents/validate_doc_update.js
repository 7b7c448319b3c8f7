// Refuses documents that would break the farm, whoever writes them, with "field: why".
//
// - Members that are not named here are always allowed, but for those of a job's `requires`: nobody could meet them.
// - Administrators may delete anything. Everybody else may delete what is read once: messages and commands.
// - A job moves as NEXT says. A revision that comes by replication may have made several moves at once.
// - Only administrators and users with the role crashfarm may write at all; whoever has crashfarm-worker, too, writes
//   what a worker must and no more.
// - Design documents and local documents are none of its business.
(function () {
  // What a value must be. A check takes a value and gives "" if it is right, else what stands behind the path to it in
  // a refusal: ": must be a text, but is 7", or from further inside "[2].worker: is missing". Thus nothing is put
  // together for documents that are right, as nearly all are: a busy farm has thousands checked each second.

  function refuse(path, why) {
    throw { forbidden: path + ": " + why };
  }

  function shown(value) {
    var text = JSON.stringify(value);
    // A cut must not go through a character of two halves.
    return text.length > 80 ? text.slice(0, 80).replace(/[\uD800-\uDBFF]$/, "") + "…" : text;
  }

  function must(words, holds) {
    return function (value) {
      return holds(value) ? "" : ": must be " + words + ", but is " + shown(value);
    };
  }

  function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }

  function isText(value) {
    return typeof value === "string";
  }

  // The same few times come again and again, in one document and in those written with it.
  var rightTimes = {}, countOfTimes = 0;

  function isTime(value) {
    if (!isText(value)) return false;
    if (rightTimes[value] === true) return true;
    if (!/^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(?:\.\d{1,9})?Z$/.test(value)) return false;
    if (countOfTimes === 32) rightTimes = {}, countOfTimes = 0;
    rightTimes[value] = true;
    countOfTimes += 1;
    return true;
  }

  // What 64 bits hold: readers have no larger ones, and 1e300 is whole, too.
  var LARGEST = 18446744073709551615;

  // More of anything than one machine has or one job is tried, and a number that is exact however it is written.
  var MANY = 1000000;

  function whole(least, most) {
    var words = "a whole number from " + least + (most === undefined ? " on" : " to " + most);
    var largest = most === undefined ? LARGEST : most;
    return must(words, function (value) {
      return typeof value === "number" && Math.floor(value) === value && value >= least && value <= largest;
    });
  }

  function oneOf(words) {
    return must("one of " + words.join(", "), function (value) { return words.indexOf(value) >= 0; });
  }

  // The rule for a member that may be missing, or hold anything that its check takes.
  function optional(check) {
    return { check: check, optional: true };
  }

  // Optional, and null means the same as missing.
  function maybe(check) {
    return { check: check, optional: true, nullable: true };
  }

  function list(check, least, most) {
    return function (value) {
      if (!Array.isArray(value)) return ": must be a list, but is " + shown(value);
      if (value.length < (least || 0)) return ": must have at least " + least + ", but has " + value.length;
      if (value.length > most) return ": must have at most " + most + ", but has " + value.length;
      for (var at = 0; at < value.length; at += 1) {
        var wrong = check(value[at]);
        if (wrong) return "[" + at + "]" + wrong;
      }
      return "";
    };
  }

  function mapOf(check) {
    return function (value) {
      if (!isObject(value)) return object(value);
      for (var names = Object.keys(value), at = 0; at < names.length; at += 1) {
        var wrong = check(value[names[at]]);
        if (wrong) return "." + names[at] + wrong;
      }
      return "";
    };
  }

  // What an object's members must be, by their names: a check, or what `optional` and `maybe` make of one. Looping
  // over lists made beforehand takes half as long as a closure for each member.
  function shape(members) {
    var names = Object.keys(members), count = names.length, checks = [], optional = [], nullable = [];
    names.forEach(function (name, at) {
      checks[at] = members[name].check || members[name];
      optional[at] = members[name].optional === true;
      nullable[at] = members[name].nullable === true;
    });
    return function (value) {
      if (!isObject(value)) return object(value);
      for (var at = 0; at < count; at += 1) {
        var member = value[names[at]];
        if (member === undefined) {
          if (!optional[at]) return "." + names[at] + ": is missing";
        } else if (member !== null || !nullable[at]) {
          var wrong = checks[at](member);
          if (wrong) return "." + names[at] + wrong;
        }
      }
      return "";
    };
  }

  function nothingBut(members) {
    var check = shape(members), known = Object.keys(members);
    return function (value) {
      var wrong = check(value);
      for (var names = wrong ? [] : Object.keys(value), at = 0; at < names.length; at += 1) {
        if (known.indexOf(names[at]) < 0) return "." + names[at] + ": is not known; known are " + known.join(", ");
      }
      return wrong;
    };
  }

  var object = must("an object", isObject);
  var text = must("a text", isText);
  var filled = must("a text that is not empty", function (value) { return isText(value) && value !== ""; });
  var flag = must("true or false", function (value) { return typeof value === "boolean"; });
  var time = must("a time in UTC like 2026-11-22T06:10:03.123Z", isTime);
  var timeOrEmpty = must("a time in UTC, or empty", function (value) { return value === "" || isTime(value); });
  var LONGEST_LEASE = 86400, LONGEST_DELAY = 3600;

  var lease = must("seconds above 0, and at most " + LONGEST_LEASE, function (value) {
    return typeof value === "number" && value > 0 && value <= LONGEST_LEASE;
  });
  var positive = must("a number above 0", function (value) { return typeof value === "number" && value > 0; });
  var notNegative = must("a number from 0 on", function (value) { return typeof value === "number" && value >= 0; });
  var digest = must("a SHA-256 in hex", function (value) { return isText(value) && /^[0-9a-fA-F]{64}$/.test(value); });

  // Whether a value is a text that begins with `prefix` and goes on.
  function isBehind(prefix, value) {
    return isText(value) && value.length > prefix.length && value.slice(0, prefix.length) === prefix;
  }

  var jobId = must("the id of a job, job:<name>", function (value) { return isBehind("job:", value); });

  // What documents must be.

  var KINDS = ["assertion", "crash", "sanitizer", "valgrind", "hang", "oom", "exception"];

  var PLACE = {
    product: filled, branch: filled, buildtype: filled, os_name: filled, os_version: filled, cpu_name: filled
  };

  var CONTROL = {
    desired: optional(oneOf(["run", "pause", "drain", "stop", "restart", "update"])),
    reason: optional(text),
    by: optional(text)
  };

  var WORKER = {
    hostname: filled, os_name: filled, os_version: filled, cpu_name: filled, incarnation: filled, version: text,
    state: oneOf(["starting", "waiting", "claiming", "installing", "executing", "recording", "paused", "draining",
      "quarantined", "stopped"]),
    state_reason: optional(text), state_since: optional(timeOrEmpty),
    heartbeat_at: time, registered_at: time, connected_at: time, disconnected_at: maybe(time),
    slots: optional(whole(0, MANY)),
    running: optional(list(text)),
    static_metadata: optional(object),
    dynamic_metadata: optional(object), dynamic_metadata_updated_at: maybe(time),
    control: optional(shape(CONTROL)),
    quarantine: maybe(shape({ reason: text, by: optional(text), since: optional(timeOrEmpty) }))
  };

  var BUILD = {
    command: list(text, 1),
    artifact: maybe(shape({ url: filled, sha256: digest })),
    about: optional(text),
    environment: optional(mapOf(text))
  };

  var BRANCH = {
    product: filled, branch: filled,
    builds: mapOf(mapOf(shape(BUILD))),
    enabled: optional(flag),
    major_version: optional(text),
    history: optional(list(text)),
    archive: optional(mapOf(mapOf(mapOf(shape(BUILD)))))
  };

  var REQUIRES = {
    os_name: maybe(filled), os_version: maybe(filled), cpu_name: maybe(filled), tags: optional(list(filled))
  };

  var CLAIM = {
    worker: filled, incarnation: filled, attempt: whole(1, MANY), lease_seconds: lease,
    claimed_at: time, renewed_at: time
  };

  var ATTEMPT = {
    number: whole(1, MANY), worker: filled, incarnation: filled, claimed_at: time, ended_at: time, outcome: filled,
    reason: optional(text)
  };

  var RESULTS = ["success", "failure", "error"];

  var JOB = {
    product: filled, branch: filled, buildtype: filled,
    input: shape({ name: optional(text), url: maybe(filled), text: maybe(text), attachment: maybe(filled) }),
    created_at: time,
    kind: optional(oneOf(["crashtest", "unittest"])),
    requires: optional(nothingBut(REQUIRES)),
    priority: optional(whole(0, 3)),
    source: optional(text),
    timeout: optional(positive),
    max_attempts: optional(whole(1, MANY)),
    parent: maybe(jobId), supersedes: maybe(jobId),
    depends_on: optional(list(shape({ job: jobId, result: maybe(oneOf(RESULTS)) }))),
    wait: optional(oneOf(["", "delay", "jobs"])),
    delay_seconds: optional(notNegative),
    build: optional(text),
    probe: optional(flag),
    state: oneOf(["pending", "running", "completed", "aborted"]),
    result: maybe(oneOf(RESULTS)),
    reason: optional(text),
    claim: maybe(shape(CLAIM)),
    attempts: optional(list(shape(ATTEMPT))),
    started_at: maybe(time), completed_at: maybe(time)
  };

  var FRAME = {
    "function": optional(text), file: optional(text), line: maybe(whole(0)), module: optional(text),
    offset: optional(text), inlined: optional(flag)
  };

  var FINDING = {
    kind: oneOf(KINDS), title: filled, message: filled, detail: filled, signature: text,
    file: optional(text), line: maybe(whole(0)), access: optional(text), size: maybe(whole(0)), address: optional(text),
    near_null: optional(flag),
    frames: optional(list(shape(FRAME))),
    thread: optional(text),
    severity: optional(oneOf(["critical", "high", "medium", "low", "unknown"])), severity_reason: optional(text),
    excerpt: optional(text),
    count: optional(whole(1)),
    input: optional(text),
    rules_version: optional(text)
  };

  var RESULT = {
    job: jobId, worker: filled, incarnation: filled, attempt: whole(1, MANY), started_at: time, completed_at: time,
    outcome: oneOf(RESULTS),
    input_name: optional(text), source: optional(text), build: optional(text), probe: optional(flag),
    exit: optional(shape({ status: maybe(whole(0)), signal: maybe(whole(0)), killed_for: optional(text) })),
    findings: optional(list(shape(FINDING))),
    notes: optional(list(text)),
    parser_version: optional(text)
  };

  var HISTORY = {
    message: filled, detail: filled, first_seen: time, last_seen: time,
    title: optional(text), severity: optional(text),
    places: optional(list(text, 0, 20)),
    bugs: optional(shape({ open: optional(list(text)), closed: optional(list(text)) })),
    suppressed: optional(flag), suppressed_at: optional(timeOrEmpty),
    regressed: optional(list(text)),
    signature: optional(text), file: optional(text), excerpt: optional(text)
  };

  var signatureId = must("the id of a signature, signature:<32 hex digits>", function (value) {
    return isText(value) && /^signature:[0-9a-f]{32}$/.test(value);
  });

  var resultId = must("the id of a result, result:<name>", function (value) { return isBehind("result:", value); });

  var MINIMAL = {
    result: resultId, attachment: filled, name: filled, size: whole(0), original_size: whole(0), tests: whole(0), at: time
  };

  var RANGE = {
    product: filled, branch: filled, buildtype: filled,
    last_good: optional(text), first_bad: optional(text), last_bad: optional(text), first_good: optional(text),
    skipped: optional(list(text)),
    runs: optional(whole(0)),
    at: optional(timeOrEmpty)
  };

  var SIGNATURE = {
    kind: oneOf(KINDS), detail: filled, message: optional(text),
    variant_of: optional(function (value) { return value === "" ? "" : signatureId(value); }),
    not_variant_of: optional(list(signatureId)),
    confirmed_by: optional(text), confirmed_at: optional(timeOrEmpty),
    minimal: maybe(shape(MINIMAL)),
    range: maybe(shape(RANGE)),
    reproduction: maybe(shape({ result: resultId, seen: whole(0), ran: whole(0), at: optional(timeOrEmpty) }))
  };

  var MATCHER = {
    kind: maybe(text), text: maybe(text), how: optional(oneOf(["exact", "contains", "pattern"])), file: maybe(text),
    signature: maybe(text), product: maybe(text), branch: maybe(text), version: maybe(text)
  };

  var BUG = {
    tracker: filled, number: filled,
    title: optional(text), resolution: optional(text), url: optional(text),
    state: optional(oneOf(["open", "closed"])),
    matchers: optional(list(shape(MATCHER))),
    fixed_on: optional(list(text)),
    updated_at: optional(timeOrEmpty), closed_at: optional(timeOrEmpty),
    moved_to: optional(text), matched: optional(text)
  };

  var CURSOR = { position: optional(object), updated_at: optional(timeOrEmpty) };

  var MESSAGE = { level: oneOf(["debug", "info", "warning", "error", "critical"]), text: text, at: time };

  // What each type is made of, which of the two databases it lives in, what its id is, and what else must hold.

  function named(doc) {
    return isBehind(doc.type + ":", doc._id) ? null : doc.type + ":<name>";
  }

  function exactly(id) {
    return function (doc) { return doc._id === id(doc) ? null : id(doc); };
  }

  function ofDigest(doc) {
    var rest = doc._id.slice(doc.type.length + 1);
    var fits = doc._id.indexOf(doc.type + ":") === 0 && /^[0-9a-f]{32}$/.test(rest);
    return fits ? null : doc.type + ":<32 hex digits>";
  }

  var TYPES = {
    worker: { home: "status", parts: [shape(WORKER)], id: named },
    branch: {
      home: "status", parts: [shape(BRANCH)],
      id: exactly(function (doc) { return "branch:" + doc.product + ":" + doc.branch; })
    },
    job: {
      home: "status", parts: [shape(JOB)], id: named,
      also: [oneInput, waitsForOthers, waitsFromTheBeginning, claimFitsState, resultFitsState, moves]
    },
    bug: {
      home: "status", parts: [shape(BUG)],
      id: exactly(function (doc) { return "bug:" + doc.tracker + ":" + doc.number; })
    },
    cursor: { home: "status", parts: [shape(CURSOR)], id: named },
    message: { home: "status", parts: [shape(MESSAGE)], id: named, readOnce: true },
    command: { home: "status", parts: [], id: named, readOnce: true },
    result: {
      home: "history", parts: [shape(PLACE), shape(RESULT)], also: [attemptNotLower],
      id: exactly(function (doc) { return "result:" + doc.job.slice("job:".length); })
    },
    signature: { home: "history", parts: [shape(SIGNATURE)], id: ofDigest, also: [messageFitsKind, leadsNotItself] }
  };
  KINDS.forEach(function (kind) {
    TYPES["history_" + kind] = { home: "history", parts: [shape(PLACE), shape(HISTORY)], id: ofDigest };
  });

  var NEXT = { pending: ["running", "aborted"], running: ["completed", "aborted", "pending"], completed: [], aborted: [] };

  var INPUTS = ["url", "text", "attachment"];

  function oneInput(doc) {
    var given = [];
    for (var at = 0; at < INPUTS.length; at += 1) {
      var input = doc.input[INPUTS[at]];
      if (input !== undefined && input !== null) given.push(INPUTS[at]);
    }
    if (given.length !== 1) {
      refuse("input", "must have exactly one of url, text, attachment, but has " + (given.join(", ") || "none"));
    }
  }

  function waitsForOthers(doc) {
    for (var needed = doc.depends_on || [], at = 0; at < needed.length; at += 1) {
      if (needed[at].job === doc._id) {
        refuse("depends_on[" + at + "].job", "must be another job: this one would wait for itself");
      }
    }
  }

  // A job that was queued elsewhere, and has come here by replication, has its revision, and may wait no more.
  function waitsFromTheBeginning(doc, old) {
    var waits = doc.depends_on && doc.depends_on.length && doc.state === "pending";
    if (waits && !old && !doc._rev && doc.wait !== "jobs") {
      refuse("wait", "must be \"jobs\" in a new job with depends_on: else it would not wait for them");
    }
  }

  function claimFitsState(doc) {
    if (doc.state === "running" && !doc.claim) refuse("claim", "is missing: a running job is held by a worker");
    if (doc.state !== "running" && doc.claim) refuse("claim", "must be null: a job that is " + doc.state + " is held by nobody");
  }

  function resultFitsState(doc) {
    if (doc.state === "completed" && !doc.result) refuse("result", "is missing: a completed job says how it ended");
    if (doc.state !== "completed" && doc.result) refuse("result", "must be null: a job that is " + doc.state + " has none");
  }

  // An ordinary write names the revision that it replaces; a replicated one brings its own, and may be several steps on.
  function moves(doc, old) {
    if (!old || doc.state === old.state || !Object.prototype.hasOwnProperty.call(NEXT, old.state)) return;
    var next = NEXT[old.state];
    if (!next.length) refuse("state", "cannot go from " + old.state + " to " + doc.state + ": the job has ended");
    if (doc._rev === old._rev && next.indexOf(doc.state) < 0) {
      refuse("state", "cannot go from " + old.state + " to " + doc.state + ", only to " + next.join(" or "));
    }
  }

  function messageFitsKind(doc) {
    if ((doc.kind === "assertion") !== !!doc.message) {
      refuse("message", "belongs to the signature of an assertion, and to no other");
    }
  }

  function leadsNotItself(doc) {
    if (doc.variant_of === doc._id) refuse("variant_of", "must be another signature");
  }

  function attemptNotLower(doc, old) {
    if (old && old.attempt > doc.attempt) {
      refuse("attempt", "must not be lower than " + old.attempt + ", which is stored, but is " + doc.attempt);
    }
  }

  // Which database this is, as far as its name tells.
  function homeOf(name) {
    if (!isText(name)) return null;
    if (name.slice(-"-history".length) === "-history") return "history";
    return name.indexOf("history") < 0 ? "status" : null;
  }

  function isAdmin(user, security) {
    var admins = (security && security.admins) || {}, roles = user.roles || [];
    return roles.indexOf("_admin") >= 0 || (admins.names || []).indexOf(user.name) >= 0 ||
      roles.some(function (role) { return (admins.roles || []).indexOf(role) >= 0; });
  }

  // Whom an admin has let in by name, without the farm's role, may look.
  function checkWriter(user, security) {
    if (!isAdmin(user, security) && (user.roles || []).indexOf("crashfarm") < 0) {
      refuse("user", "may read but not write: that takes the role crashfarm");
    }
  }

  // A machine that was lent has the role crashfarm-worker besides the farm's own. It may write what a worker has to, on
  // behalf of the worker of its account's name, or of that name and something behind a dot; and delete nothing.

  function isLent(user, security) {
    return (user.roles || []).indexOf("crashfarm-worker") >= 0 && !isAdmin(user, security);
  }

  // What a member means that a document leaves out, where that is not nothing.
  var USUAL = { kind: "crashtest", priority: 3, timeout: 60, max_attempts: 3, control: { desired: "run" } };

  function isNothing(value) {
    if (Array.isArray(value)) return value.length === 0;
    if (isObject(value)) return Object.keys(value).every(function (name) { return isNothing(value[name]); });
    return value === undefined || value === null || value === "" || value === false;
  }

  // Whether a value is what it was; what was left out may be said, if that changes nothing.
  function keeps(before, after) {
    if (before === undefined) return isNothing(after);
    if (Array.isArray(before)) {
      return Array.isArray(after) && after.length === before.length &&
        before.every(function (item, at) { return keeps(item, after[at]); });
    }
    if (!isObject(before)) return before === after;
    return isObject(after) && Object.keys(before).concat(Object.keys(after)).every(function (name) {
      return keeps(before[name], after[name]);
    });
  }

  function keep(doc, old, names) {
    names.forEach(function (name) {
      var before = old[name];
      if (before === undefined && doc[name] !== undefined) before = USUAL[name];
      if (!keeps(before, doc[name])) refuse(name, "may not be changed by a worker");
    });
  }

  function checkOwn(user, name, path) {
    if (name !== user.name && String(name).indexOf(user.name + ".") !== 0) {
      refuse(path, "must be of the worker " + user.name + ", but is of " + shown(name));
    }
  }

  var WHAT_IS_RUN = ["product", "branch", "buildtype", "build", "probe", "input", "created_at", "kind", "requires",
    "priority", "source", "timeout", "max_attempts", "parent", "supersedes", "depends_on"];

  // Not every server shows the digests of attachments that a write leaves as they are.
  function sameAttachments(doc, old) {
    var now = doc._attachments || {}, before = old._attachments || {}, names = Object.keys(now);
    return names.length === Object.keys(before).length && names.every(function (name) {
      var was = before[name], is = now[name];
      return isObject(was) && isObject(is) && (!was.digest || !is.digest || was.digest === is.digest);
    });
  }

  function lentJob(doc, old, user) {
    if (!old) refuse("type", "a worker may not queue jobs");
    if (old.state !== "pending" && old.state !== "running") {
      refuse("state", "is " + old.state + ": a worker may not change a job that has ended");
    }
    keep(doc, old, WHAT_IS_RUN);
    if (!sameAttachments(doc, old)) refuse("_attachments", "may not be changed by a worker");
    var told = Array.isArray(old.attempts) ? old.attempts : [], now = doc.attempts || [];
    if (!keeps(told, now.slice(0, told.length))) refuse("attempts", "may not be changed by a worker, only added to");
    var more = now.slice(told.length), ends = old.state === "running" && doc.state !== "running" ? 1 : 0;
    if (more.length !== ends) refuse("attempts", "must have " + ends + " more than before: one for a claim that ends");
    if (doc.claim) checkClaim(doc, old, user, now.length);
    if (ends) checkEnd(doc, old, user, more[0], now);
    if (old.state === "pending") checkPending(doc, old);
    checkDelay(doc, old);
  }

  function checkClaim(doc, old, user, attempts) {
    checkOwn(user, doc.claim.worker, "claim.worker");
    if (old.claim) {
      checkOwn(user, old.claim.worker, "claim.worker");
      ["worker", "incarnation", "attempt", "claimed_at", "lease_seconds"].forEach(function (name) {
        if (doc.claim[name] !== old.claim[name]) refuse("claim." + name, "may not change while the claim lasts");
      });
    } else {
      if (old.wait) refuse("state", "cannot go to running: the job waits");
      if (doc.claim.attempt !== attempts + 1) refuse("claim.attempt", "must be " + (attempts + 1) + ", the next one");
    }
  }

  // What nobody was heard of any more, any worker may give back; what is held, only the holder.
  function checkEnd(doc, old, user, last, attempts) {
    if (last.outcome !== "lost" || doc.state === "completed") checkOwn(user, old.claim.worker, "claim.worker");
    ["worker", "incarnation"].forEach(function (name) {
      if (last[name] !== old.claim[name]) refuse("attempts", "must tell of the claim that ends: another " + name);
    });
    if (last.number !== old.claim.attempt) refuse("attempts", "must tell of the claim that ends: another number");
    var most = doc.max_attempts === undefined ? USUAL.max_attempts : doc.max_attempts;
    if (doc.state === "aborted" && attempts.length < most) {
      refuse("state", "cannot go to aborted: the job may have " + most + " attempts");
    }
  }

  function checkPending(doc, old) {
    if (doc.state === "aborted" && !(doc.depends_on || []).length) {
      refuse("state", "cannot go from pending to aborted by a worker: the job waits for no other");
    }
    if (doc.state === "pending" && doc.wait) refuse("wait", "may be ended by a worker, but not begun or changed");
  }

  function checkDelay(doc, old) {
    if (doc.wait && doc.wait !== "delay" && doc.wait !== old.wait) refuse("wait", "must be a delay, or nothing");
    if (doc.delay_seconds > LONGEST_DELAY) refuse("delay_seconds", "must be at most " + LONGEST_DELAY);
  }

  function lentWorker(doc, old, user) {
    checkOwn(user, doc._id.slice("worker:".length), "_id");
    if (!old) return;
    var wish = (old.control || {}).desired || "run", fulfilled = wish === "restart" || wish === "update";
    if (!keeps(old.static_metadata || {}, doc.static_metadata || {})) {
      refuse("static_metadata", "may not be changed by a worker");
    }
    if (!(fulfilled && doc.control && doc.control.desired === "run")) keep(doc, old, ["control"]);
    if (old.quarantine && old.quarantine.by !== doc._id) keep(doc, old, ["quarantine"]);
  }

  function lentResult(doc, old, user) {
    checkOwn(user, doc.worker, "worker");
    if (old && old.attempt === doc.attempt) checkOwn(user, old.worker, "worker");
  }

  function lentHistory(doc, old) {
    keep(doc, old || {}, ["bugs", "suppressed", "suppressed_at", "regressed"]);
  }

  function lentMessage(doc, old, user) {
    if (old) refuse("type", "a worker may not change messages");
    checkOwn(user, String(doc.worker).replace(/^worker:/, ""), "worker");
  }

  function lentCursor(doc) {
    if (doc._id !== "cursor:janitor") refuse("_id", "must be cursor:janitor: a worker may write no other");
  }

  var LENT = { job: lentJob, worker: lentWorker, result: lentResult, message: lentMessage, cursor: lentCursor };
  KINDS.forEach(function (kind) { LENT["history_" + kind] = lentHistory; });

  // Whoever watches the farm is sent these with every change. What 1,000 slots run fits in many times.
  var WATCHED = ["worker", "message", "cursor"], LONGEST_WATCHED = 262144;

  function checkLength(doc) {
    var length = WATCHED.indexOf(doc.type) < 0 ? 0 : JSON.stringify(doc).length;
    if (length > LONGEST_WATCHED) {
      refuse("type", "a " + doc.type + " may have " + LONGEST_WATCHED + " characters in all, but this one has " + length);
    }
  }

  function checkLent(doc, old, user) {
    if (doc._deleted) refuse("_deleted", "a worker may not delete");
    if (!Object.prototype.hasOwnProperty.call(LENT, doc.type)) refuse("type", "a worker may not write a " + doc.type);
    checkLength(doc);
    LENT[doc.type](doc, old, user);
  }

  function known(type) {
    return isText(type) && Object.prototype.hasOwnProperty.call(TYPES, type);
  }

  function checkDeletion(old, user, security) {
    var readOnce = old && known(old.type) && TYPES[old.type].readOnce;
    if (!readOnce && !isAdmin(user, security)) refuse("_deleted", "only an administrator may delete this");
  }

  function checkType(doc, old) {
    if (!known(doc.type)) {
      var what = doc.type === undefined ? "is missing" : "is not known: " + shown(doc.type);
      refuse("type", what + "; known are " + Object.keys(TYPES).sort().join(", "));
    }
    if (old && old.type !== doc.type && known(old.type)) refuse("type", "cannot go from " + old.type + " to " + doc.type);
  }

  function checkParts(parts, doc) {
    for (var at = 0; at < parts.length; at += 1) {
      var wrong = parts[at](doc);
      if (wrong) throw { forbidden: wrong.slice(1) }; // there is no path before the document's own members
    }
  }

  return function (newDoc, oldDoc, userCtx, secObj) {
    var user = userCtx || {}, old = oldDoc && !oldDoc._deleted ? oldDoc : null;
    if (newDoc._id.charAt(0) === "_" && /^_(design|local)\//.test(newDoc._id)) return;
    checkWriter(user, secObj);
    var lent = isLent(user, secObj);
    if (newDoc._deleted) {
      if (lent) checkLent(newDoc, old, user);
      checkDeletion(old, user, secObj);
      return;
    }
    checkType(newDoc, old);
    var type = TYPES[newDoc.type], home = homeOf(user.db);
    if (home && home !== type.home) refuse("type", "a " + newDoc.type + " belongs into the " + type.home + " database");
    checkParts(type.parts, newDoc);
    var wanted = type.id(newDoc);
    if (wanted !== null) refuse("_id", "must be " + shown(wanted) + ", but is " + shown(newDoc._id));
    for (var also = type.also || [], at = 0; at < also.length; at += 1) also[at](newDoc, old);
    if (lent) checkLent(newDoc, old, user);
  };
}())
