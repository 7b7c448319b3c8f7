// Key: [product, input_name, branch, buildtype, os_name, os_version, cpu_name, outcome]
// One row for each result that is no experiment ("probe"): where one input was run, and how that ended. A part that is
// missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "result" || doc.probe === true) return;
  emit([text(doc.product), text(doc.input_name), text(doc.branch), text(doc.buildtype), text(doc.os_name),
    text(doc.os_version), text(doc.cpu_name), text(doc.outcome)], null);
}
