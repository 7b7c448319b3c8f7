// The pages of the dashboard: their names in the address, their titles, and the parts that they are made of.

import { Attention } from "./parts/attention.js";
import { Findings } from "./parts/findings.js";
import { Health } from "./parts/health.js";
import { JobList } from "./parts/joblist.js";
import { Messages } from "./parts/messages.js";
import { Queue } from "./parts/queue.js";
import { Running } from "./parts/running.js";
import { Throughput } from "./parts/throughput.js";
import { Tiles } from "./parts/tiles.js";
import { Workers } from "./parts/workers.js";

export const PAGES = [
  ["now", "Now", (farm) => [new Tiles(farm), new Attention(farm), new Throughput(farm), new Running(farm), new Findings(farm), new Messages(farm)]],
  ["workers", "Workers", (farm) => [new Workers(farm)]],
  ["jobs", "Jobs", (farm) => [new Queue(farm), new JobList(farm)]],
  ["findings", "Findings", (farm) => [new Findings(farm, { shown: 50, level: 1 })]],
  ["databases", "Databases", (farm) => [new Health(farm), new Messages(farm, 50)]],
];
