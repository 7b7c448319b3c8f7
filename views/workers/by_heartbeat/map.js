// Key: [heartbeat_at]
// One row for each worker that has not stopped: who has not been heard of for longest comes first. A time that is
// missing, or is no text, is null. Value: null.
function (doc) {
  if (!doc || doc.type !== "worker" || doc.state === "stopped") return;
  emit([typeof doc.heartbeat_at === "string" ? doc.heartbeat_at : null], null);
}
