// Key: [os_name, os_version, cpu_name, [tag, …], rests]
// One row for each worker: what it is, by its metadata, of which what an admin says counts before what it measured
// itself; the tags sorted and each once. `rests` is why it begins nothing: "stopped", "quarantine", what it is to do
// ("pause", "drain", "stop"), or "" if it works. A part that is missing, or is no text, is null. Value: null.
function (doc) {
  function text(value) { return typeof value === "string" ? value : null; }
  function object(value) { return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {}; }
  function once(tag, at, tags) { return tag !== tags[at - 1]; }
  function metadata(name) {
    var said = object(doc.static_metadata);
    return Object.prototype.hasOwnProperty.call(said, name) ? said[name] : object(doc.dynamic_metadata)[name];
  }
  if (!doc || doc.type !== "worker") return;
  var tags = metadata("tags"), desired = text(object(doc.control).desired) || "run";
  var words = Array.isArray(tags) ? tags.filter(function (tag) { return typeof tag === "string"; }) : [];
  var wished = ["run", "restart", "update"].indexOf(desired) < 0 ? desired : "";
  emit([text(metadata("os_name")), text(metadata("os_version")), text(metadata("cpu_name")), words.sort().filter(once),
    doc.state === "stopped" ? "stopped" : doc.quarantine ? "quarantine" : wished], null);
}
