// Measures graphile-worker on the PostgreSQL at the given address, and prints the rows of a table.
//
// usage: node graphile_peer.mjs ADDRESS JOBS

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/target/peers/node/`);
const { run, runMigrations } = require("graphile-worker");
const { Pool } = require("pg");
const { version } = JSON.parse(readFileSync("target/peers/node/node_modules/graphile-worker/package.json", "utf8"));

const [address, count] = [process.argv[2], Number(process.argv[3])];
// Its own advice for throughput: a local queue, and completions in batches.
const worker = { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0, maxPoolSize: 10 };
const SAMPLES = 200;
const quiet = { logger: new (require("graphile-worker").Logger)(() => () => {}) };

const pool = new Pool({ connectionString: address, max: 10 });
pool.on("error", (error) => { throw error; });
const row = (what, value) => console.log(`| graphile-worker ${version}: ${what} | ${value} | |`);

async function fill() {
  for (let first = 0; first < count; first += 500) {
    const specs = [];
    for (let n = first; n < Math.min(first + 500, count); n++) specs.push({ identifier: "note", payload: { n } });
    await pool.query(
      "SELECT graphile_worker.add_jobs(ARRAY(SELECT json_populate_record(NULL::graphile_worker.job_spec, spec) FROM json_array_elements($1::JSON) AS spec))",
      [JSON.stringify(specs)],
    );
  }
  await pool.query("ANALYZE graphile_worker._private_jobs");
}

async function drain() {
  let left = count;
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const taskList = { note: async () => { if (--left === 0) done(); } };
  const begun = performance.now();
  const runner = await run({ pgPool: pool, taskList, noHandleSignals: true, preset: { worker }, ...quiet });
  await all;
  const took = performance.now() - begun;
  await runner.stop();
  return `${Math.round(count / took * 1000)} jobs/s`;
}

await runMigrations({ pgPool: pool, ...quiet });
const begun = performance.now();
await fill();
row("enqueue, 500 in a transaction", `${Math.round(count / (performance.now() - begun) * 1000)} jobs/s`);
row("local queue of 500, batched completions", await drain());
await fill();
const old = await pool.connect();
await old.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
await old.query("SELECT COUNT(*) FROM graphile_worker._private_jobs");
row("the same, with an old snapshot held open", await drain());
await old.query("ROLLBACK");
old.release();

let started;
const taskList = { note: async () => started() };
const runner = await run({ pgPool: pool, taskList, noHandleSignals: true, preset: { worker: { concurrentJobs: 10, maxPoolSize: 10 } }, ...quiet });
await new Promise((resolve) => setTimeout(resolve, 500));
const waits = [];
for (let n = 0; n < SAMPLES; n++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  const start = new Promise((resolve) => (started = resolve));
  const begun = performance.now();
  await runner.addJob("note", { n });
  await start;
  waits.push(performance.now() - begun);
}
waits.sort((one, other) => one - other);
const at = (share) => waits[Math.floor((SAMPLES - 1) * share)].toFixed(2);
row("enqueue to start, one job at a time", `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
await runner.stop();
await pool.end();
