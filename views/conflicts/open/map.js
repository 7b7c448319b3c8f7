// Key: [type, revisions]
// One row for each document with conflicts that nobody has settled yet: how many revisions stand against the winner.
// A type that is missing, or is no text, is null. Value: null.
function (doc) {
  if (!doc || !Array.isArray(doc._conflicts) || !doc._conflicts.length) return;
  emit([typeof doc.type === "string" ? doc.type : null, doc._conflicts.length], null);
}
