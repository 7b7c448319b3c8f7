// Key: [minute, outcome, completed_at]
// One row for each result that is no experiment ("probe"); minute is the minute of its completion, "2026-11-22T06:10".
// A part that is missing, or is no text (or no time), is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function minute(value) { return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text(value) || "") ? value.slice(0, 16) : null; }
  if (!doc || doc.type !== "result" || doc.probe === true) return;
  emit([minute(doc.completed_at), text(doc.outcome), text(doc.completed_at)], null);
}
