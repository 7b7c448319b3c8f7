// Key: [worker, incarnation]
// One row for each running job: who holds it. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "job" || doc.state !== "running") return;
  var claim = doc.claim || {};
  emit([text(claim.worker), text(claim.incarnation)], null);
}
