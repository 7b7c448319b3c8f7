// Key: [source, outcome]
// One row for each result, experiments ("probe") too, which have sources of their own; source names the round of jobs
// that it belongs to. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "result") return;
  emit([text(doc.source), text(doc.outcome)], null);
}
