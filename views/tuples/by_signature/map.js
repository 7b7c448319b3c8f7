// Key: [detail, kind, message]
// One row for each history document, and where an assertion's stack has a signature, too, one more that has it in the
// place of detail. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || typeof doc.type !== "string" || doc.type.indexOf("history_") !== 0) return;
  var kind = doc.type.slice("history_".length);
  emit([text(doc.detail), kind, text(doc.message)], null);
  if (text(doc.signature) && doc.signature !== doc.detail) emit([doc.signature, kind, text(doc.message)], null);
}
