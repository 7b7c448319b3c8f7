// Key: [state, product, branch, buildtype, created_at]
// One row for each job. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "job") return;
  emit([text(doc.state), text(doc.product), text(doc.branch), text(doc.buildtype), text(doc.created_at)], null);
}
