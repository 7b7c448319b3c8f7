// How the databases do: sizes, what compaction would give back, how far the views are behind, what replicates.

export async function askHealth(couch, places, serverAdmin) {
  const databases = await Promise.all([places.status, places.history].map((name) => askDatabase(couch, name)));
  const replications = serverAdmin ? await askReplications(couch) : null;
  return { databases, replications };
}

async function askDatabase(couch, name) {
  const path = encodeURIComponent(name);
  const [info, designs, conflicts] = await Promise.all([
    couch.get(path),
    couch.all(name, { startkey: "_design/", endkey: "_design0", include_docs: true }),
    couch.view(name, "conflicts", "open", { group_level: 1 }),
  ]);
  const withViews = designs.rows.filter((row) => row.doc?.views).map((row) => row.id);
  const indexes = await Promise.all(withViews.map((id) => askIndex(couch, path, id)));
  return { name, ...numbersOf(info), indexes, conflicts: conflicts.rows.map((row) => ({ type: row.key[0], documents: row.value })) };
}

async function askIndex(couch, path, id) {
  const { view_index: index } = await couch.get(`${path}/${id}/_info`);
  return { name: id.replace("_design/", ""), ...indexOf(index) };
}

export function numbersOf(info) {
  const { file, active } = info.sizes || {};
  return {
    documents: info.doc_count, deleted: info.doc_del_count, file, active,
    fragmentation: fragmentationOf(file, active), compacting: Boolean(info.compact_running),
  };
}

export function indexOf(index) {
  const { file, active } = index.sizes || {};
  return {
    behind: index.updates_pending?.total ?? null, building: Boolean(index.updater_running), file,
    fragmentation: fragmentationOf(file, active), compacting: Boolean(index.compact_running),
  };
}

// The part of a file that compaction would give back, from 0 to 1.
export function fragmentationOf(file, active) {
  return file > 0 && active >= 0 ? Math.max(0, 1 - active / file) : 0;
}

// Documents of one database that have conflicts, a few.
export async function askConflicts(couch, database, limit = 20) {
  const answer = await couch.view(database, "conflicts", "open", { reduce: false, limit });
  return answer.rows.map((row) => ({ id: row.id, revisions: row.key[1] }));
}

async function askReplications(couch) {
  try {
    const answer = await couch.get("_scheduler/docs", { limit: 50 });
    const told = answer.docs.map((doc) => ({
      id: doc.doc_id || "", database: doc.database || "_replicator", source: doc.source, target: doc.target, state: doc.state,
      trouble: doc.info?.error || "", pending: doc.info?.changes_pending ?? null,
    }));
    return { told, left: Math.max(0, (answer.total_rows || 0) - told.length) };
  } catch (refusal) {
    // A server without a scheduler, or a user who may not look at it: then nothing is said about it.
    if (refusal.status) return null;
    throw refusal;
  }
}
