// Key: [type, message, detail, product, branch, buildtype, os_name, os_version, cpu_name, when]
// A history document has one row, of its own type, with when = first_seen. A result has one row for each finding,
// of type "result_<kind>", with when = completed_at, but one of an experiment ("probe") none. A part that is missing,
// or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function row(type, found, when) {
    emit([type, text(found.message), text(found.detail), text(doc.product), text(doc.branch), text(doc.buildtype),
      text(doc.os_name), text(doc.os_version), text(doc.cpu_name), text(when)], null);
  }
  if (!doc || typeof doc.type !== "string") return;
  if (doc.type.indexOf("history_") === 0) row(doc.type, doc, doc.first_seen);
  if (doc.type !== "result" || doc.probe === true || !Array.isArray(doc.findings)) return;
  doc.findings.forEach(function (finding) {
    if (finding) row("result_" + (text(finding.kind) || "unknown"), finding, doc.completed_at);
  });
}
