// Key: [name]
// One row for each worker, by its name: its id without the type. Value: null.
function (doc) {
  if (!doc || doc.type !== "worker" || typeof doc._id !== "string") return;
  emit([doc._id.replace(/^worker:/, "")], null);
}
