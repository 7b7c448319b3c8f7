// Key: [what, type, message, detail, product, branch, buildtype, os_name, os_version, cpu_name]
// What a new tuple may inherit from: a row with "bugs" for each history document that names some, and a row with
// "suppressed" for each that is. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function some(list) { return Array.isArray(list) && list.length > 0; }
  function row(what) {
    emit([what, doc.type, text(doc.message), text(doc.detail), text(doc.product), text(doc.branch), text(doc.buildtype),
      text(doc.os_name), text(doc.os_version), text(doc.cpu_name)], null);
  }
  if (!doc || typeof doc.type !== "string" || doc.type.indexOf("history_") !== 0) return;
  var bugs = doc.bugs || {};
  if (some(bugs.open) || some(bugs.closed)) row("bugs");
  if (doc.suppressed === true) row("suppressed");
}
