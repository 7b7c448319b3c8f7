// Requests to CouchDB as the user whom the browser's cookie names. An answer is its JSON, or a Refusal.

export class Refusal extends Error {
  // status is 0 when there was no answer at all.
  constructor(status, error, reason) {
    super(reason || error || "no answer");
    this.name = "Refusal";
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

// "/crashfarm/_design/dashboard/index.html" tells which databases the farm has, wherever a proxy has put CouchDB; so
// does "/crashfarm-door/…", where the same pages are for those who have not signed in.
export function placesOf(pathname) {
  const [before] = pathname.split("/_design/");
  const at = before.lastIndexOf("/");
  const status = decodeURIComponent(before.slice(at + 1)).replace(/-door$/, "");
  return { root: before.slice(0, at), status, history: `${status}-history` };
}

// The path of a document below its database: only the slash of _design/ and _local/ stands as it is.
export function documentPath(id) {
  const special = /^_(design|local)\//.exec(id);
  return special ? special[0] + encodeURIComponent(id.slice(special[0].length)) : encodeURIComponent(id);
}

export function queryText(query) {
  const json = new Set(["key", "keys", "startkey", "endkey", "start_key", "end_key"]);
  const parts = Object.entries(query || {}).filter(([, value]) => value !== undefined);
  const words = parts.map(([name, value]) => `${name}=${encodeURIComponent(json.has(name) ? JSON.stringify(value) : value)}`);
  return words.length ? `?${words.join("&")}` : "";
}

const PATIENCE_MS = 120_000; // for an answer; an index may be built before it

export class Couch {
  constructor(root, fetcher = (...given) => fetch(...given)) {
    this.root = root;
    this.fetcher = fetcher;
    this.skew = 0; // milliseconds that the server's clock is ahead of this browser's
    this.onSignedOut = () => {};
    this.sent = new Set(); // when each request that is not answered yet was sent, but for those of the feeds
  }

  // For how many milliseconds the oldest of them has been waiting.
  get waits() {
    const [oldest] = this.sent;
    return oldest ? performance.now() - oldest.at : 0;
  }

  now() {
    return Date.now() + this.skew;
  }

  async request(method, path, { query, body, signal, form } = {}) {
    const options = { method, signal: signal ?? AbortSignal.timeout(PATIENCE_MS), credentials: "same-origin", headers: { accept: "application/json" } };
    if (form) options.body = new URLSearchParams(form);
    if (body !== undefined) {
      options.body = JSON.stringify(body);
      options.headers["content-type"] = "application/json";
    }
    const sent = { at: performance.now() };
    if (!signal) this.sent.add(sent);
    try {
      const answer = await this.#fetch(`${this.root}/${path}${queryText(query)}`, options);
      this.#readClock(answer);
      return await this.#read(answer, path);
    } finally {
      this.sent.delete(sent);
    }
  }

  get(path, query, signal) {
    return this.request("GET", path, { query, signal });
  }

  view(database, design, name, query) {
    return this.get(`${encodeURIComponent(database)}/_design/${design}/_view/${name}`, query);
  }

  // Several questions to one view: {results: [{rows}, …]}, in that order.
  queries(database, design, name, queries) {
    return this.request("POST", `${encodeURIComponent(database)}/_design/${design}/_view/${name}/queries`, { body: { queries } });
  }

  all(database, query) {
    return this.get(`${encodeURIComponent(database)}/_all_docs`, query);
  }

  document(database, id, query) {
    return this.get(`${encodeURIComponent(database)}/${documentPath(id)}`, query);
  }

  // Documents by their ids, in that order; those that are gone are left out.
  async documents(database, ids) {
    if (!ids.length) return [];
    const path = `${encodeURIComponent(database)}/_all_docs`;
    const answer = await this.request("POST", path, { query: { include_docs: true }, body: { keys: ids } });
    return answer.rows.map((row) => row.doc).filter(Boolean);
  }

  put(database, doc) {
    return this.request("PUT", `${encodeURIComponent(database)}/${documentPath(doc._id)}`, { body: doc });
  }

  bulk(database, docs) {
    return this.request("POST", `${encodeURIComponent(database)}/_bulk_docs`, { body: { docs } });
  }

  async session() {
    return (await this.get("_session")).userCtx;
  }

  signIn(name, password) {
    return this.request("POST", "_session", { form: { name, password } });
  }

  signOut() {
    return this.request("DELETE", "_session");
  }

  async #fetch(url, options) {
    try {
      return await this.fetcher(url, options);
    } catch (trouble) {
      if (trouble.name === "AbortError") throw trouble;
      throw new Refusal(0, "unreachable", "the database does not answer");
    }
  }

  #readClock(answer) {
    const told = Date.parse(answer.headers.get("date") || "");
    const skew = told - Date.now();
    // The header tells whole seconds: less than two of difference is none.
    if (!Number.isNaN(skew)) this.skew = Math.abs(skew) < 2000 ? 0 : skew;
  }

  async #read(answer, path) {
    let told;
    try {
      told = await answer.json();
    } catch (trouble) {
      if (trouble.name === "AbortError") throw trouble;
      throw new Refusal(answer.status, "unreadable", `the answer of ${path} is not JSON`);
    }
    if (answer.ok) return told;
    if (answer.status === 401 && path !== "_session") this.onSignedOut();
    throw new Refusal(answer.status, told.error, told.reason);
  }
}
