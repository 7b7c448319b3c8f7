// Key: [os_name, os_version, cpu_name, [tag, …], rests, [program, …], [address, …], [program, …]]
// One row for each worker: what it is, by its metadata, of which what an admin says counts before what it measured
// itself; then which programs and which addresses of builds its owner allows, and which of these programs it lacks.
// Lists are sorted, each text once. `rests` is why it begins nothing: "stopped", "quarantine", what it is to do
// ("pause", "drain", "stop"), or "" if it works. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function object(value) { return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {}; }
  function metadata(name) {
    var said = object(doc.static_metadata);
    return Object.prototype.hasOwnProperty.call(said, name) ? said[name] : object(doc.dynamic_metadata)[name];
  }
  function texts(name) {
    var list = Array.isArray(metadata(name)) ? metadata(name).filter(function (one) { return text(one) !== null; }) : [];
    return list.sort().filter(function (one, at) { return one !== list[at - 1]; });
  }
  if (!doc || doc.type !== "worker") return;
  var desired = text(object(doc.control).desired) || "run", works = ["run", "restart", "update"].indexOf(desired) >= 0;
  var rests = doc.state === "stopped" ? "stopped" : doc.quarantine ? "quarantine" : works ? "" : desired;
  emit([text(metadata("os_name")), text(metadata("os_version")), text(metadata("cpu_name")), texts("tags"), rests,
    texts("allow"), texts("allow_builds_from"), texts("lacks")], null);
}
