// How many jobs ended in each minute of the last hour: as a chart where its library is installed, always as numbers.

import { el, fill, reconcile } from "../lib/dom.js";
import { OUTCOMES, keptThroughput } from "../state/throughput.js";
import { count } from "../state/words.js";
import { section } from "./pieces.js";

const HEIGHT = 190;
const WORDS = { success: "nothing found", failure: "something found", error: "could not run" };

export class Throughput {
  topics = ["result"];
  seconds = 30; // minutes go by while nothing ends

  constructor(farm) {
    this.farm = farm;
    this.picture = el("div", { class: "picture" });
    this.rows = el("tbody");
    this.total = el("p", { class: "dim" });
    const heads = ["Minute (UTC)", ...OUTCOMES.map((outcome) => WORDS[outcome])].map((text) => el("th", { scope: "col" }, text));
    const numbers = el("details", {}, el("summary", {}, "The same in numbers"),
      el("div", { class: "scroll short", role: "region", "aria-label": "Jobs a minute, in numbers", tabindex: "0" },
        el("table", {}, el("thead", {}, el("tr", {}, heads)), this.rows)));
    const legend = el("p", { class: "legend" }, OUTCOMES.map((outcome) => el("span", { class: `kind of-${outcome}` }, WORDS[outcome])));
    this.element = section("Jobs a minute", 2, el("div", { class: "sheet" }, this.total, this.picture, legend, numbers));
    this.element.classList.add("half");
    this.charts = farm.charts ? loadCharts() : null;
  }

  ask() {
    return keptThroughput(this.farm);
  }

  async show(told) {
    this.#showNumbers(told);
    const Chart = await this.charts;
    if (this.closed) return null;
    if (!Chart) {
      return fill(this.picture, el("p", { class: "dim" }, "The library that draws the chart is not installed here: ‘crashfarm push’ fetches it where it reaches the npm registry."));
    }
    this.picture.setAttribute("role", "img");
    this.picture.setAttribute("aria-label", this.total.textContent);
    this.data = stacked(told);
    if (this.chart) this.chart.setData(this.data);
    else this.#draw(Chart);
    return null;
  }

  // A part of a page that is left.
  close() {
    this.closed = true;
    this.#erase();
    if (this.dark) this.dark.onchange = null;
  }

  #erase() {
    this.watched?.disconnect();
    this.chart?.destroy();
    this.chart = null;
  }

  #draw(Chart) {
    const width = () => Math.max(200, this.picture.clientWidth);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.chart = new Chart({ width: width(), height: HEIGHT, ...optionsOf(Chart, colour) }, this.data, this.picture);
    this.watched = new ResizeObserver(() => this.chart.setSize({ width: width(), height: HEIGHT }));
    this.watched.observe(this.picture);
    this.dark ||= matchMedia("(prefers-color-scheme: dark)");
    this.dark.onchange = () => { this.#erase(); this.#draw(Chart); };
  }

  #showNumbers(told) {
    const sums = OUTCOMES.map((outcome) => told[outcome].reduce((sum, number) => sum + number, 0));
    const words = `${count(sums.reduce((sum, number) => sum + number, 0))} jobs ended in the last hour: ${OUTCOMES.map((outcome, at) => `${count(sums[at])} ${WORDS[outcome]}`).join(", ")}`;
    fill(this.total, words);
    const busy = told.minutes.map((minute, at) => ({ minute, numbers: OUTCOMES.map((outcome) => told[outcome][at]) })).reverse()
      .filter((row) => row.numbers.some(Boolean));
    reconcile(this.rows, busy, (row) => String(row.minute), ({ minute }) => {
      const cells = OUTCOMES.map(() => el("td"));
      const element = el("tr", {}, el("th", { scope: "row" }, new Date(minute).toISOString().slice(11, 16)), cells);
      return { element, update: ({ numbers }) => numbers.forEach((number, at) => { cells[at].textContent = count(number); }) };
    });
  }
}

async function loadCharts() {
  const href = new URL("../vendor/uplot.css", import.meta.url).href;
  if (![...document.styleSheets].some((sheet) => sheet.href === href)) {
    document.head.append(el("link", { rel: "stylesheet", href }));
  }
  return (await import("../vendor/uplot.js")).default;
}

// Each outcome on top of those before it, the highest first: bars that are drawn one over the other.
function stacked(told) {
  let below = told.minutes.map(() => 0);
  const layers = OUTCOMES.map((outcome) => {
    below = below.map((number, at) => number + told[outcome][at]);
    return below;
  });
  return [told.minutes.map((minute) => minute / 1000), ...layers.reverse()];
}

function optionsOf(Chart, colour) {
  const bars = Chart.paths.bars({ size: [0.75, 22] });
  const line = { stroke: colour("--dim"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false }, font: "13px system-ui, sans-serif" };
  const layer = (outcome) => ({ label: outcome, fill: colour(`--${outcome}`), width: 0, paths: bars, points: { show: false } });
  return {
    legend: { show: false }, cursor: { show: false }, tzDate: (seconds) => Chart.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: { range: (chart, least, most) => [0, Math.max(4, most * 1.1)] } },
    axes: [{ ...line, grid: { show: false }, values: (chart, moments) => moments.map((moment) => new Date(moment * 1000).toISOString().slice(11, 16)) }, { ...line, size: 44 }],
    series: [{}, ...[...OUTCOMES].reverse().map(layer)],
  };
}
