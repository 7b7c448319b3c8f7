// Key: [bug, list]
// One row for each bug that a history document names, with the list that names it: "open" or "closed", and once more
// with "regressed" where it is back though fixed. Value: null.
function (doc) {
  function rows(list, bugs) {
    (Array.isArray(bugs) ? bugs : []).forEach(function (bug) {
      if (typeof bug === "string") emit([bug, list], null);
    });
  }
  if (!doc || typeof doc.type !== "string" || doc.type.indexOf("history_") !== 0) return;
  var bugs = doc.bugs || {};
  rows("open", bugs.open);
  rows("closed", bugs.closed);
  rows("regressed", doc.regressed);
}
