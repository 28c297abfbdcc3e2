// A shortener of addresses: Fastify with its logger, and Redis.
const fastify = require("fastify")({ logger: true });
const { createClient } = require("redis");

const redis = createClient({ url: process.env.REDIS_URL || "redis://127.0.0.1:19712" });
redis.on("error", (error) => fastify.log.error({ error: error.message }, "redis"));

fastify.get("/healthz", async (request, reply) => {
  if (!redis.isReady) return reply.code(503).send({ ok: false });
  return { ok: true };
});

fastify.post(
  "/links",
  {
    schema: {
      body: { type: "object", required: ["url"], additionalProperties: false, properties: { url: { type: "string", maxLength: 2000 } } },
    },
  },
  async (request, reply) => {
    const id = String(await redis.incr("links"));
    await redis.set(`link:${id}`, request.body.url);
    return reply.code(201).send({ id, url: request.body.url });
  },
);

fastify.get("/links/:id", async (request, reply) => {
  const url = await redis.get(`link:${request.params.id}`);
  if (url === null) return reply.code(404).send({ error: "not found" });
  return { id: request.params.id, url };
});

async function stop() {
  await fastify.close();
  redis.destroy();
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

redis.connect();
fastify.listen({ port: Number(process.env.PORT || 19702), host: "127.0.0.1" }).catch((error) => {
  fastify.log.error(error);
  process.exit(1);
});
