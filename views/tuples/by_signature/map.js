// Key: [detail, kind, message]
// One row for each history document: what happened, before where. A part that is missing, or is no text, is null.
// Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || typeof doc.type !== "string" || doc.type.indexOf("history_") !== 0) return;
  emit([text(doc.detail), doc.type.slice("history_".length), text(doc.message)], null);
}
