// Measures pg-boss on the PostgreSQL at the given address, and prints the rows of a table.
//
// usage: node pgboss_peer.mjs ADDRESS JOBS

import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/target/peers/node/`);
const PgBoss = require("pg-boss");
const { version } = require("pg-boss/package.json");

const [address, count] = [process.argv[2], Number(process.argv[3])];
const row = (what, value) => console.log(`| pg-boss ${version}: ${what} | ${value} | |`);

const boss = new PgBoss({ connectionString: address, supervise: false, schedule: false });
boss.on("error", (error) => { throw error; });
await boss.start();
await boss.createQueue("note");
let begun = performance.now();
for (let first = 0; first < count; first += 500) {
  const jobs = [];
  for (let n = first; n < Math.min(first + 500, count); n++) jobs.push({ name: "note", data: { n } });
  await boss.insert(jobs);
}
row("enqueue, 500 in a transaction", `${Math.round(count / (performance.now() - begun) * 1000)} jobs/s`);
begun = performance.now();
const loops = [0, 1, 2].map(async () => {
  for (;;) {
    const jobs = await boss.fetch("note", { batchSize: 500 });
    if (jobs.length === 0) return;
    await boss.complete("note", jobs.map((job) => job.id));
  }
});
await Promise.all(loops);
row("fetch and complete, 3 loops, batches of 500", `${Math.round(count / (performance.now() - begun) * 1000)} jobs/s`);
await boss.stop({ graceful: false });
