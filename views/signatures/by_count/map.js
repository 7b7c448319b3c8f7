// Key: [kind, detail, message, product, branch, buildtype]
// One row for each finding of a result, but for those of experiments ("probe"). A part that is missing, or is no text,
// is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "result" || doc.probe === true || !Array.isArray(doc.findings)) return;
  doc.findings.forEach(function (finding) {
    if (!finding) return;
    emit([text(finding.kind), text(finding.detail), text(finding.message),
      text(doc.product), text(doc.branch), text(doc.buildtype)], null);
  });
}
