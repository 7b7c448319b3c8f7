// PouchDB against a CouchDB: node pouchdb.js URL DATABASE. Ends with 0 if all that it expects is so.
import assert from "node:assert/strict";
import http from "pouchdb-adapter-http";
import memory from "pouchdb-adapter-memory";
import PouchDB from "pouchdb-core";
import mapreduce from "pouchdb-mapreduce";
import replication from "pouchdb-replication";

PouchDB.plugin(http).plugin(memory).plugin(mapreduce).plugin(replication);

const [address, name] = process.argv.slice(2);
const remote = new PouchDB(`${address}/${name}`, { skip_setup: true });
const local = new PouchDB("here", { adapter: "memory" });
const content = Buffer.from([0, 1, 2, 254, 255]);

async function documents() {
  const made = await remote.put({ _id: "one:1", n: 1 });
  await remote.put({ _id: "one:1", _rev: made.rev, n: 2 });
  assert.equal((await remote.get("one:1")).n, 2);
  await assert.rejects(remote.put({ _id: "one:1", _rev: made.rev }), { status: 409 });
  await remote.remove(await remote.get("one:1"));
  await assert.rejects(remote.get("one:1"), { status: 404, reason: "deleted" });
}

async function bulk() {
  const docs = Array.from({ length: 40 }, (_, n) => ({ _id: `many:${String(n).padStart(2, "0")}`, n }));
  assert.ok((await remote.bulkDocs(docs)).every((outcome) => outcome.ok));
  const listed = await remote.allDocs({ startkey: "many:38", endkey: "many:\ufff0", include_docs: true });
  assert.deepEqual(listed.rows.map((row) => row.doc.n), [38, 39]);
  const got = await remote.bulkGet({ docs: [{ id: "many:00" }, { id: "missing" }] });
  assert.equal(got.results[0].docs[0].ok.n, 0);
  assert.equal(got.results[1].docs[0].error.error, "not_found");
}

async function attachments() {
  await remote.putAttachment("held", "core dump.bin", content, "application/octet-stream");
  assert.ok(content.equals(await remote.getAttachment("held", "core dump.bin")));
  const whole = await remote.get("held", { attachments: true });
  assert.equal(whole._attachments["core dump.bin"].data, content.toString("base64"));
}

async function views() {
  const map = "function (doc) { if (typeof doc.n === 'number') emit(doc.n % 4, doc.n); }";
  await remote.put({ _id: "_design/numbers", views: { sums: { map, reduce: "_sum" } } });
  const sums = await remote.query("numbers/sums", { group: true });
  assert.deepEqual(sums.rows.map((row) => row.value), [180, 190, 200, 210]);
  const rows = await remote.query("numbers/sums", { reduce: false, key: 3, limit: 1, include_docs: true });
  assert.equal(rows.rows[0].doc._id, "many:03");
}

async function changes() {
  const since = (await remote.info()).update_seq;
  await new Promise((resolve, reject) => {
    const feed = remote.changes({ since, live: true, include_docs: true }).on("error", reject);
    feed.on("change", (change) => {
      assert.equal(change.doc.late, true);
      feed.cancel();
    });
    feed.on("complete", resolve);
    remote.put({ _id: "late", late: true });
  });
}

async function sync() {
  await local.bulkDocs([{ _id: "from:here", n: 1 }, { _id: "held:here", _attachments: { "a.txt": { content_type: "text/plain", data: "aGVsbG8=" } } }]);
  const first = await local.sync(remote);
  assert.deepEqual([first.push.doc_write_failures, first.pull.doc_write_failures], [0, 0]);
  assert.equal((await remote.get("from:here")).n, 1);
  assert.equal((await remote.getAttachment("held:here", "a.txt")).toString(), "hello");
  assert.ok(content.equals(await local.getAttachment("held", "core dump.bin")));
  assert.equal((await local.get("many:07")).n, 7);
  await assert.rejects(local.get("one:1"), { status: 404 });
  const second = await local.sync(remote);
  assert.deepEqual([second.push.docs_written, second.pull.docs_written], [0, 0]);
}

async function conflict() {
  const { _rev } = await local.get("from:here");
  await Promise.all([local, remote].map((side, n) => side.put({ _id: "from:here", _rev, n: 10 + n })));
  await local.sync(remote);
  const [here, there] = await Promise.all([local, remote].map((side) => side.get("from:here", { conflicts: true })));
  assert.deepEqual(here, there);
  assert.equal(here._conflicts.length, 1);
  await remote.remove("from:here", here._conflicts[0]);
  await local.sync(remote);
  const settled = await local.get("from:here", { conflicts: true });
  assert.deepEqual([settled._rev, settled._conflicts], [here._rev, undefined]);
}

async function live() {
  const running = local.sync(remote, { live: true });
  const both = [local, remote].map((side, n) => new Promise((resolve) => {
    const feed = side.changes({ since: "now", live: true }).on("change", (change) => {
      if (change.id === `live:${n}`) feed.cancel();
    });
    feed.on("complete", resolve);
  }));
  await new Promise((resolve) => running.once("paused", resolve));
  await remote.put({ _id: "live:0" });
  await local.put({ _id: "live:1" });
  await Promise.all(both);
  running.cancel();
  await running;
}

for (const part of [documents, bulk, attachments, views, changes, sync, conflict, live]) {
  await part();
  console.log(part.name);
}
await local.destroy();
