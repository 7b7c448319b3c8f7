// Key: [source, state]
// One row for each job; source names the round that it was queued with. A part that is missing, or is no text, is
// null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "job") return;
  emit([text(doc.source), text(doc.state)], null);
}
