// What the workers had to say, the newest first.

export async function askMessages(couch, places, limit = 30) {
  const query = { descending: true, startkey: "message:\ufff0", endkey: "message:", include_docs: true, limit };
  const answer = await couch.all(places.status, query);
  return answer.rows.map((row) => row.doc).filter(Boolean);
}
