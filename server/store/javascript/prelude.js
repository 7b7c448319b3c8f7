// What a design document's functions see, and the one function through which they are called: `run(operation, ...texts)`.
// Everything goes in and out as JSON text. Built-ins are captured first, so that a function that changes them harms
// only itself.
(function () {
  "use strict";
  const parse = JSON.parse;
  const stringify = JSON.stringify;
  const evaluate = eval;
  const failure = InternalError;
  const ArrayOf = Array;
  const arrayCheck = Array.isArray;
  const text = String;
  // Joined strings are flat; those made with + may be ropes, which cannot leave the engine.
  const join = Function.prototype.call.bind(Array.prototype.join);

  const MAX_LOGS = 100;
  let logs = [];
  let emitted = [];
  let functions = [];
  let design = null;
  let modules = {};

  function log(message) {
    if (logs.length < MAX_LOGS) {
      logs[logs.length] = typeof message === "string" ? message : text(stringify(message));
    }
  }

  function emit(key, value) {
    emitted[emitted.length] = [key === undefined ? null : key, value === undefined ? null : value];
  }

  function sum(values) {
    let total = 0;
    for (const value of values) {
      total += value;
    }
    return total;
  }

  function list(texts) {
    return join(["[", join(texts, ","), "]"], "");
  }

  function toJSON(value) {
    return stringify(value);
  }

  Object.assign(globalThis, { emit: emit, sum: sum, log: log, isArray: arrayCheck, toJSON: toJSON });

  // A failed piece of work as [word, reason]: what CouchDB calls the error and what explains it.
  function refusal(word, reason) {
    return { refused: [word, reason] };
  }

  // Out of memory and out of time end the call; whatever else a function throws is an answer.
  function passOnFailure(error) {
    if (error instanceof failure) {
      throw error;
    }
  }

  function describe(error) {
    return error instanceof Error ? error.name + ": " + error.message : text(stringify(error));
  }

  function compile(source) {
    if (typeof source !== "string") {
      throw refusal("compilation_error", "Expression does not eval to a function. (" + text(stringify(source)) + ")");
    }
    const trimmed = source.replace(/[\s;]+$/, "");
    let made;
    try {
      made = evaluate("(" + trimmed + "\n)");
    } catch (error) {
      passOnFailure(error);
      throw refusal("compilation_error", describe(error) + " (" + source + ")");
    }
    if (typeof made !== "function") {
      throw refusal("compilation_error", "Expression does not eval to a function. (" + source + ")");
    }
    return made;
  }

  function lookUp(path) {
    let found = design;
    for (const name of path) {
      if (found === null || typeof found !== "object" || !Object.hasOwn(found, name)) {
        return undefined;
      }
      found = found[name];
    }
    return found;
  }

  // CommonJS names: "a/b" from the top of the design document, "./b" and "../b" from the module that asks.
  function resolve(name, from) {
    const relative = name.startsWith("./") || name.startsWith("../");
    const path = relative ? from.slice(0, -1) : [];
    for (const part of name.split("/")) {
      if (part === "..") {
        if (path.length === 0) {
          throw refusal("invalid_require_path", "Object has no parent " + name);
        }
        path.pop();
      } else if (part !== "." && part !== "") {
        path.push(part);
      }
    }
    return path;
  }

  function load(name, from) {
    const path = resolve(text(name), from);
    const id = path.join("/");
    if (Object.hasOwn(modules, id)) {
      return modules[id].exports;
    }
    const source = lookUp(path);
    if (typeof source !== "string") {
      throw refusal("invalid_require_path", "Must require a JavaScript string, not: " + typeof source + " (" + id + ")");
    }
    const module = { id: id, exports: {} };
    modules[id] = module;
    try {
      evaluate("(function (module, exports, require) { " + source + "\n})")
        .call(module, module, module.exports, (inner) => load(inner, path));
    } catch (error) {
      delete modules[id];
      throw error;
    }
    return module.exports;
  }

  globalThis.require = (name) => load(name, []);

  function byPath(path) {
    const id = "function:" + path.join("/");
    if (!Object.hasOwn(modules, id)) {
      const source = lookUp(path);
      if (source === undefined) {
        throw refusal("not_found", "missing function " + path.join("/") + " on design doc " + design._id);
      }
      modules[id] = compile(source);
    }
    return modules[id];
  }

  function mapOne(map, doc) {
    emitted = [];
    try {
      map(doc);
      return emitted.length === 0 ? "[]" : stringify(emitted);
    } catch (error) {
      passOnFailure(error);
      log("function raised exception (" + describe(error) + ") with doc._id " + doc._id);
      return "[]";
    }
  }

  // Each function gets documents of its own, so that none sees what another one did to them. Parsing them again takes
  // half as long as copying them.
  function mapBatch(map, docs) {
    const batch = parse(docs);
    const rows = new ArrayOf(batch.length);
    for (let place = 0; place < rows.length; place++) {
      rows[place] = mapOne(map, batch[place]);
    }
    return rows;
  }

  // From lists of what each function emitted to lists of what each document did.
  function turned(columns, count) {
    const out = new ArrayOf(count);
    for (let place = 0; place < count; place++) {
      const rows = [];
      for (let at = 0; at < columns.length; at++) {
        rows[at] = columns[at][place];
      }
      out[place] = list(rows);
    }
    return out;
  }

  function reduceOne(reduce, keys, values, rereduce) {
    let result;
    try {
      result = stringify(reduce(keys, values, rereduce));
    } catch (error) {
      passOnFailure(error);
      log("function raised exception (" + describe(error) + ") in reduce");
    }
    return result === undefined ? "null" : result;
  }

  function tooLong(result, values) {
    return result.length > 4096 && result.length * 2 > stringify(values).length;
  }

  // What a thrown thing means, as [word, reason].
  function reasonOf(error) {
    if (error instanceof Error) {
      return [error.name, error.message];
    }
    if (error !== null && typeof error === "object") {
      if (error.refused) {
        return error.refused;
      }
      for (const word of ["forbidden", "unauthorized"]) {
        if (error[word] !== undefined) {
          return [word, error[word]];
        }
      }
    }
    if (error === null) {
      return ["os_process_error", "the functions need more memory than they may have"]; // none was left to say so
    }
    return ["unknown_error", typeof error === "string" ? error : text(stringify(error))];
  }

  // What a validation function says: null, or [word, reason].
  function verdict(validate, args) {
    try {
      validate.apply(design, args);
      return null;
    } catch (error) {
      passOnFailure(error);
      return reasonOf(error);
    }
  }

  const operations = {
    // sources: array of function texts; lib: what `require` reaches
    loadFunctions(sources, lib) {
      design = parse(lib);
      modules = {};
      functions = parse(sources).map(compile);
      return "null";
    },
    loadDesign(ddoc) {
      design = parse(ddoc);
      modules = {};
      return "null";
    },
    map(docs) {
      const columns = [];
      for (let at = 0; at < functions.length; at++) {
        columns[at] = mapBatch(functions[at], docs);
      }
      const count = columns.length > 0 ? columns[0].length : 0;
      if (columns.length === 1 && count > 0) {
        return join(["[[", join(columns[0], "],["), "]]"], "");
      }
      return list(turned(columns, count));
    },
    // groups: array of [keys or null, values]; each is reduced by the function at `at`
    reduce(at, groups, rereduce) {
      const out = [];
      for (const [keys, values] of parse(groups)) {
        const result = reduceOne(functions[parse(at)], keys, values, rereduce === "true");
        if (tooLong(result, values)) {
          throw refusal("reduce_overflow_error", "Reduce output must shrink more rapidly: Current output: '" +
            result.slice(0, 100) + "'... (first 100 of " + result.length + " characters)");
        }
        out[out.length] = result;
      }
      return list(out);
    },
    // pairs: array of [new document, old document or null]
    validate(pairs, user, security) {
      const validate = byPath(["validate_doc_update"]);
      const out = [];
      for (const [doc, old] of parse(pairs)) {
        out[out.length] = verdict(validate, [doc, old, parse(user), parse(security)]);
      }
      return stringify(out);
    },
    filter(path, docs, request) {
      const filter = byPath(parse(path));
      const req = parse(request);
      return stringify(parse(docs).map((doc) => Boolean(filter.call(design, doc, req))));
    },
    viewFilter(path, docs) {
      const map = byPath(parse(path));
      return stringify(parse(docs).map((doc) => mapOne(map, doc) !== "[]"));
    },
    update(path, doc, request) {
      const update = byPath(parse(path));
      const result = update.call(design, parse(doc), parse(request));
      if (!arrayCheck(result)) {
        throw refusal("render_error", "undefined response from update function " + path);
      }
      return stringify([result[0] === undefined ? null : result[0], result[1] === undefined ? null : result[1]]);
    },
  };

  // The answer is {"result": …} or {"refused": [word, reason]}, and what was logged meanwhile.
  return function run(operation, ...texts) {
    logs = [];
    let body;
    try {
      body = ['{"result":', operations[operation](...texts)];
    } catch (error) {
      passOnFailure(error);
      body = ['{"refused":', stringify(reasonOf(error))];
    }
    return join([...body, ',"logs":', stringify(logs), "}"], "");
  };
})();
