// Which jobs are listed: in one state, of one branch, or by the beginning of their id.

import { el, fill, told } from "../lib/dom.js";
import { askBranches } from "../state/stuck.js";

export class JobFilter {
  // onChange is told {on, id}: the branch that was chosen, or null, and how the id begins, or "".
  constructor(farm, onChange) {
    this.farm = farm;
    this.onChange = onChange;
    this.branches = [];
    this.select = el("select", { id: "job-branch", onchange: () => this.#changed(this.search), onfocus: () => this.ask() });
    this.search = el("input", { id: "job-id", type: "search", autocomplete: "off", spellcheck: "false", placeholder: "20261122T06", oninput: () => this.#changed(this.select) });
    this.element = el("div", { class: "filter" },
      el("label", { for: "job-branch" }, "Branch"), this.select, el("label", { for: "job-id" }, "or id begins with"), this.search);
    this.ask();
  }

  // The branches are few and hardly ever change: they are asked for when the page opens, and when one is to be chosen.
  async ask() {
    const chosen = this.select.value;
    this.branches = await askBranches(this.farm.couch, this.farm.places).catch(() => this.branches);
    const options = this.branches.map(({ _id, product, branch }) => el("option", { value: _id, selected: _id === chosen }, told(`${product} ${branch}`, 60).textContent));
    fill(this.select, el("option", { value: "" }, "all"), options);
  }

  // Forget how the id begins; tells what is left of it.
  clear() {
    this.search.value = "";
    return "";
  }

  #changed(other) {
    other.value = "";
    const found = this.branches.find((one) => one._id === this.select.value);
    this.onChange({
      on: found ? { product: found.product, branch: found.branch } : null,
      id: this.search.value.trim().replace(/^job:/, ""),
    });
  }
}
