// Prices in other currencies: Express with metrics by prom-client.
const express = require("express");
const client = require("prom-client");

client.collectDefaultMetrics();
const seconds = new client.Histogram({
  name: "http_request_duration_seconds",
  help: "Duration of requests.",
  labelNames: ["method", "route", "status"],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});
const inFlight = new client.Gauge({ name: "http_requests_in_flight", help: "Requests in flight." });

const app = express();
app.use((req, res, next) => {
  const end = seconds.startTimer();
  inFlight.inc();
  res.on("close", () => {
    inFlight.dec();
    end({ method: req.method, route: req.route?.path ?? "unmatched", status: res.statusCode });
  });
  next();
});

const RATES_URL = process.env.RATES_URL || "http://127.0.0.1:19812";

app.get("/healthz", (req, res) => res.json({ ok: true }));
app.get("/metrics", async (req, res) => res.type(client.register.contentType).send(await client.register.metrics()));
app.get("/currencies", (req, res) => res.json(["EUR", "CHF", "USD"]));
app.get("/price/:code", async (req, res) => {
  try {
    const answer = await fetch(`${RATES_URL}/rates/${req.params.code}`, { signal: AbortSignal.timeout(2000) });
    const { rate } = await answer.json();
    res.json({ code: req.params.code, price: 100 * rate });
  } catch {
    res.status(503).json({ error: "the rates are not available" });
  }
});

app.listen(19802, "127.0.0.1", () => console.log("listening"));
