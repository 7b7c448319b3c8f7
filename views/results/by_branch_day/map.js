// Key: [product, branch, buildtype, day, outcome]
// One row for each result that is no experiment ("probe"); day is the day of its completion, "2026-11-22". A part that
// is missing, or is no text (or no time), is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function day(value) { return /^\d{4}-\d\d-\d\dT/.test(text(value) || "") ? value.slice(0, 10) : null; }
  if (!doc || doc.type !== "result" || doc.probe === true) return;
  emit([text(doc.product), text(doc.branch), text(doc.buildtype), day(doc.completed_at), text(doc.outcome)], null);
}
