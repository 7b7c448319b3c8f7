// Key: [type, message, detail, product, branch, buildtype, os_name, os_version, cpu_name]
// One row for each history document that names a bug or is suppressed: what a new tuple may inherit from. A part that
// is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function some(list) { return Array.isArray(list) && list.length > 0; }
  if (!doc || typeof doc.type !== "string" || doc.type.indexOf("history_") !== 0) return;
  var bugs = doc.bugs || {};
  if (doc.suppressed !== true && !some(bugs.open) && !some(bugs.closed)) return;
  emit([doc.type, text(doc.message), text(doc.detail), text(doc.product), text(doc.branch), text(doc.buildtype),
    text(doc.os_name), text(doc.os_version), text(doc.cpu_name)], null);
}
