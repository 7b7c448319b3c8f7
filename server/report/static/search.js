// Search over all signatures, in the index that is written beside the page.
"use strict";

const SHOWN = 100;
const form = document.getElementById("search");
const words = document.getElementById("words");
const found = document.getElementById("found");
const tally = document.getElementById("tally");
const index = (globalThis.crashfarmIndex ?? []).map((row) => [row.join(" ").toLowerCase(), row]);

// Text that anybody may have written: in whichever direction it runs, it does not turn what stands beside it.
const apart = (text) => {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
};

const entry = ([name, text, kind, number, branches]) => {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const under = document.createElement("span");
  const [headline, ...rest] = text.split("\n");
  link.href = `signature/${name}.html`;
  link.append(apart(headline));
  under.className = "under";
  under.append(`${kind} · seen ${number.toLocaleString("en")} · `, apart(rest.join(" ")), " · ", apart(branches));
  item.append(link, under);
  return item;
};

const search = () => {
  const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = asked.length ? index.filter(([text]) => asked.every((word) => text.includes(word))) : [];
  found.replaceChildren(...hits.slice(0, SHOWN).map(([, row]) => entry(row)));
  tally.textContent = asked.length ? `${hits.length} of ${index.length}${hits.length > SHOWN ? `, the first ${SHOWN} shown` : ""}` : "";
};

form.hidden = false;
if (!globalThis.crashfarmIndex) tally.textContent = "search-index.js, the index beside this page, cannot be read.";
form.addEventListener("submit", (event) => event.preventDefault());
words.addEventListener("input", search);
words.value = new URLSearchParams(location.search).get("q") ?? "";
if (words.value) search();
