// Key: [state, hostname]
// One row for each worker. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "worker") return;
  emit([text(doc.state), text(doc.hostname)], null);
}
