// Each call of toxiproxy-node-client against the server at process.argv[2], with what it is to bring about.
"use strict";

const assert = require("node:assert");
const net = require("node:net");
const { Toxiproxy, Toxic } = require("toxiproxy-node-client");

const url = process.argv[2];
const toxiproxy = new Toxiproxy(url);

const upstream = net.createServer((socket) => {
  socket.on("data", (data) => socket.write(data)).on("error", () => {});
});

/** What comes back for `ping`, and after how many milliseconds; an error where the connection fails. */
function ping(address) {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const socket = net.connect(Number(port), host, () => socket.write("ping"));
    socket.on("data", (data) => {
      socket.destroy();
      resolve({ said: data.toString(), took: Number(process.hrtime.bigint() - start) / 1e6 });
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed")));
  });
}

async function proxies(address) {
  assert.match(await toxiproxy.getVersion(), /^\{"version": "2\.\d+\.\d+"\}\n$/);
  assert.deepStrictEqual(await toxiproxy.getAll(), {});

  const proxy = await toxiproxy.createProxy({ name: "echo", listen: "localhost:0", upstream: address });
  assert.match(proxy.listen, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.deepStrictEqual(proxy.toJson(), { enabled: true, listen: proxy.listen, name: "echo", upstream: address });
  assert.strictEqual((await ping(proxy.listen)).said, "ping");
  await assert.rejects(toxiproxy.createProxy({ name: "echo", listen: "localhost:0", upstream: address }), /409/);
  await assert.rejects(toxiproxy.createProxy({ name: "", listen: "localhost:0", upstream: address }), /400/);

  assert.deepStrictEqual((await toxiproxy.get("echo")).toJson(), proxy.toJson());
  await assert.rejects(toxiproxy.get("nobody"), /404/);
  assert.deepStrictEqual(Object.keys(await toxiproxy.getAll()), ["echo"]);

  const off = await proxy.update({ enabled: false, listen: proxy.listen, upstream: address });
  assert.strictEqual(off.enabled, false);
  await assert.rejects(ping(proxy.listen), /ECONNREFUSED/);
  await toxiproxy.reset();
  assert.strictEqual((await toxiproxy.get("echo")).enabled, true);
  assert.strictEqual((await ping(proxy.listen)).said, "ping");

  const made = await toxiproxy.populate([
    { name: "echo", listen: proxy.listen, upstream: address },
    { name: "other", listen: "localhost:0", upstream: address },
  ]);
  assert.deepStrictEqual(Object.keys(made).sort(), ["echo", "other"]);
  assert.strictEqual((await ping(made.other.listen)).said, "ping");
  await made.other.remove();
  await assert.rejects(ping(made.other.listen), /ECONNREFUSED/);
  await assert.rejects(toxiproxy.get("other"), /404/);
  return proxy;
}

async function toxics(proxy) {
  const toxic = await proxy.addToxic({ type: "latency", attributes: { latency: 150, jitter: 0 } });
  assert.ok(toxic instanceof Toxic);
  assert.deepStrictEqual(toxic.toJson(), {
    attributes: { latency: 150, jitter: 0 },
    name: "latency_downstream",
    stream: "downstream",
    toxicity: 1,
    type: "latency",
  });
  assert.ok((await ping(proxy.listen)).took >= 150);
  assert.deepStrictEqual((await proxy.getToxic("latency_downstream")).toJson(), toxic.toJson());
  await assert.rejects(proxy.getToxic("nobody"), /404/);
  await assert.rejects(proxy.addToxic({ type: "latency", attributes: {} }), /409/);
  await assert.rejects(proxy.addToxic({ type: "no such", attributes: {} }), /400/);

  const updated = await toxic.update({ attributes: { latency: 300 }, toxicity: 1 });
  assert.deepStrictEqual(updated.attributes, { latency: 300, jitter: 0 });
  assert.ok((await ping(proxy.listen)).took >= 300);
  await toxic.remove();
  await assert.rejects(proxy.getToxic("latency_downstream"), /404/);

  for (const [type, attributes, stream] of [
    ["bandwidth", { rate: 1000 }, "upstream"],
    ["slow_close", { delay: 10 }, "downstream"],
    ["slicer", { average_size: 1, size_variation: 0, delay: 10 }, "upstream"],
  ]) {
    const harmless = await proxy.addToxic({ type, attributes, stream, name: "it", toxicity: 0.5 });
    assert.deepStrictEqual(harmless.toJson(), { attributes, name: "it", stream, toxicity: 0.5, type });
    assert.ok("ping".startsWith((await ping(proxy.listen)).said));
    await harmless.remove();
  }
  const closing = await proxy.addToxic({ type: "timeout", attributes: { timeout: 20 } });
  await assert.rejects(ping(proxy.listen), /closed/);
  await closing.remove();
  const limit = await proxy.addToxic({ type: "limit_data", attributes: { bytes: 2 } });
  assert.strictEqual((await ping(proxy.listen)).said, "pi");
  await limit.remove();
  const reset = await proxy.addToxic({ type: "reset_peer", attributes: { timeout: 0 } });
  await assert.rejects(ping(proxy.listen), /ECONNRESET/);
  await toxiproxy.reset();
  await assert.rejects(proxy.getToxic(reset.name), /404/);
  assert.strictEqual((await ping(proxy.listen)).said, "ping");
  await proxy.remove();
  assert.deepStrictEqual(await toxiproxy.getAll(), {});
}

upstream.listen(0, "127.0.0.1", async () => {
  try {
    await toxics(await proxies(`127.0.0.1:${upstream.address().port}`));
    console.log("every call did what it says");
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
});
