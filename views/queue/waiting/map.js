// Key: [wait, created_at]
// One row for each pending job that may not be claimed yet: what it waits for, "delay" or "jobs". A time that is
// missing, or is no text, is null. Value: null.
function (doc) {
  if (!doc || doc.type !== "job" || doc.state !== "pending") return;
  if (typeof doc.wait !== "string" || !doc.wait) return;
  emit([doc.wait, typeof doc.created_at === "string" ? doc.created_at : null], null);
}
