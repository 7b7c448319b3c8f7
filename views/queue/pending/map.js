// Key: [[os_name, os_version, cpu_name, [tag, …], product, branch, buildtype], priority, created_at]
// One row for each pending job that waits for nothing but a worker. The first part is the class of the job, what it
// asks of a worker: null where it asks for nothing, the tags sorted and each once. A job without a priority counts as
// normal, 3. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function once(tag, at, tags) { return tag !== tags[at - 1]; }
  if (!doc || doc.type !== "job" || doc.state !== "pending" || doc.wait) return;
  var asks = doc.requires || {};
  var words = Array.isArray(asks.tags) ? asks.tags.filter(function (tag) { return typeof tag === "string"; }) : [];
  emit([[text(asks.os_name), text(asks.os_version), text(asks.cpu_name), words.sort().filter(once),
    text(doc.product), text(doc.branch), text(doc.buildtype)],
    typeof doc.priority === "number" ? doc.priority : 3, text(doc.created_at)], null);
}
