// Key: [first_seen]
// One row for each history document: what was found last comes last. A time that is missing, or is no text, is null.
// Value: null.
function (doc) {
  if (!doc || typeof doc.type !== "string" || doc.type.indexOf("history_") !== 0) return;
  emit([typeof doc.first_seen === "string" ? doc.first_seen : null], null);
}
