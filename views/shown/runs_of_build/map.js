// Key: [product, branch, build, buildtype, outcome]
// One row for each result of an older build, of experiments ("probe"), too, but for those on changed inputs. A part
// that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "result" || !text(doc.build) || /^reduce:/.test(text(doc.source) || "")) return;
  emit([text(doc.product), text(doc.branch), doc.build, text(doc.buildtype), text(doc.outcome)], null);
}
