// Where a thing is to be seen elsewhere: its document in Fauxton, its page in the report.

import { el } from "../lib/dom.js";

export function fauxtonLink(root, database, id, text = "Document") {
  const href = `${root}/_utils/#database/${encodeURIComponent(database)}/${encodeURIComponent(id)}`;
  return el("a", { href, class: "elsewhere", target: "_blank", rel: "noopener" }, text, el("span", { class: "heard" }, ` ${id.slice(0, 80)} in Fauxton`));
}
