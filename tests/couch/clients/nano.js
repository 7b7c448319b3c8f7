// nano against a CouchDB: node nano.js URL DATABASE. Ends with 0 if all that it expects is so.
import assert from "node:assert/strict";
import nano from "nano";

const [address, name] = process.argv.slice(2);
const database = nano(address).db.use(name);

async function fails(status, promise) {
  await assert.rejects(promise, (error) => error.statusCode === status);
}

async function documents() {
  const made = await database.insert({ n: 1, text: "λ ☃" }, "one:1");
  assert.match(made.rev, /^1-/);
  const read = await database.get("one:1");
  assert.deepEqual([read.n, read.text], [1, "λ ☃"]);
  const changed = await database.insert({ ...read, n: 2 });
  assert.match(changed.rev, /^2-/);
  await fails(409, database.insert(read));
  await database.destroy("one:1", changed.rev);
  await fails(404, database.get("one:1"));
  assert.equal((await database.get("one:1", { rev: changed.rev })).n, 2);
}

async function bulk() {
  const docs = Array.from({ length: 50 }, (_, n) => ({ _id: `many:${String(n).padStart(2, "0")}`, type: n % 2 ? "odd" : "even", n }));
  const outcomes = await database.bulk({ docs });
  assert.equal(outcomes.filter((outcome) => outcome.ok).length, 50);
  const again = await database.bulk({ docs: [docs[0], { _id: "many:new" }] });
  assert.deepEqual(again.map((outcome) => outcome.error), ["conflict", undefined]);
  const listed = await database.list({ startkey: "many:10", endkey: "many:12", include_docs: true });
  assert.deepEqual(listed.rows.map((row) => row.doc.n), [10, 11, 12]);
  const fetched = await database.fetch({ keys: ["many:03", "missing"] });
  assert.deepEqual([fetched.rows[0].doc.n, fetched.rows[1].error], [3, "not_found"]);
}

async function attachments() {
  const content = Buffer.from([0, 1, 2, 254, 255]);
  const put = await database.attachment.insert("held", "core dump.bin", content, "application/octet-stream");
  assert.deepEqual(await database.attachment.get("held", "core dump.bin"), content);
  const more = [{ name: "log.txt", data: "first line\n", content_type: "text/plain" }];
  await database.multipart.insert({ _rev: put.rev, kept: true }, more, "held");
  const stubs = (await database.get("held"))._attachments;
  assert.equal(stubs["log.txt"].length, 11);
  assert.equal((await database.attachment.get("held", "log.txt")).toString(), "first line\n");
}

async function views() {
  const map = "function (doc) { if (doc.type) emit(doc.type, doc.n); }";
  await database.insert({ language: "javascript", views: { sums: { map, reduce: "_sum" } } }, "_design/numbers");
  const sums = await database.view("numbers", "sums", { group: true });
  assert.deepEqual(sums.rows, [{ key: "even", value: 600 }, { key: "odd", value: 625 }]);
  const rows = await database.view("numbers", "sums", { reduce: false, keys: ["odd"], limit: 2, include_docs: true });
  assert.deepEqual(rows.rows.map((row) => row.doc._id), ["many:01", "many:03"]);
  const found = await database.find({ selector: { n: { $gt: 47 } }, fields: ["n"] });
  assert.deepEqual(found.docs.map((doc) => doc.n).sort(), [48, 49]);
}

async function changes() {
  const before = (await database.info()).update_seq;
  await database.insert({}, "late");
  const news = await database.changes({ since: before });
  assert.deepEqual(news.results.map((change) => change.id), ["late"]);
  const heard = new Promise((resolve, reject) => {
    database.changesReader.get({ since: news.last_seq }).on("batch", resolve).on("error", reject);
    database.insert({}, "later");
  });
  assert.deepEqual((await heard).map((change) => change.id), ["later"]);
  database.changesReader.stop();
}

for (const part of [documents, bulk, attachments, views, changes]) {
  await part();
  console.log(part.name);
}
