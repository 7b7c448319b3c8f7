// Sorting and filtering of tables. Everything on a page can be read without it.
"use strict";

const cellValue = (row, column, numeric) => {
  const cell = row.cells[column];
  return numeric ? Number(cell.dataset.value ?? cell.textContent.replaceAll(",", "")) : cell.textContent.trim();
};

const sortBy = (table, column, numeric, ascending) => {
  const body = table.tBodies[0];
  const sign = ascending ? 1 : -1;
  const rows = [...body.rows].map((row) => [cellValue(row, column, numeric), row]);
  rows.sort(([a], [b]) => sign * (numeric ? a - b : a.localeCompare(b, undefined, { numeric: true })));
  body.append(...rows.map(([, row]) => row));
};

const makeSortable = (table) => {
  for (const head of table.tHead.rows[0].cells) {
    if (!head.dataset.sort) continue;
    const numeric = head.dataset.sort === "number";
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      const ascending = was ? was === "descending" : !numeric;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortBy(table, head.cellIndex, numeric, ascending);
    });
  }
};

const makeFilterable = (table) => {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 16) return;
  const label = document.createElement("label");
  const input = document.createElement("input");
  const shown = document.createElement("output");
  const box = document.createElement("div");
  box.className = "filter";
  label.textContent = `Filter: ${table.parentElement.getAttribute("aria-label")}`;
  input.type = "search";
  input.id = `filter-${Math.random().toString(36).slice(2)}`;
  label.htmlFor = input.id;
  box.append(label, input, shown);
  table.parentElement.before(box);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  });
};

for (const table of document.querySelectorAll("table[data-sortable]")) {
  makeSortable(table);
  makeFilterable(table);
}
