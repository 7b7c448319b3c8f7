// Key: [product, branch, build, buildtype, kind, detail, message]
// One row for each signature that a result shows, however often, but for those of experiments ("probe"), with an empty
// build; and one with its build if that is an older one, of experiments, too, but for those on changed inputs. The
// message is empty unless it is an assertion's. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  if (!doc || doc.type !== "result" || !Array.isArray(doc.findings)) return;
  var told = {}, builds = doc.probe === true ? [] : [""];
  if (text(doc.build) && !/^reduce:/.test(text(doc.source) || "")) builds.push(doc.build);
  doc.findings.forEach(function (finding) {
    var kind = finding && text(finding.kind);
    var what = finding && [kind, text(finding.detail), kind === "assertion" ? text(finding.message) : ""];
    if (!finding || told[JSON.stringify(what)]) return;
    told[JSON.stringify(what)] = true;
    builds.forEach(function (build) {
      emit([text(doc.product), text(doc.branch), build, text(doc.buildtype)].concat(what), null);
    });
  });
}
