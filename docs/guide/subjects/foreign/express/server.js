// Prices in other currencies: Express, and a dependency over fetch.
const express = require("express");

const app = express();
app.use(express.json());

const RATES_URL = process.env.RATES_URL || "http://127.0.0.1:19711";
const orders = new Map();
let next = 1;

app.get("/healthz", (req, res) => res.json({ ok: true }));

app.get("/price/:code", async (req, res) => {
  const answer = await fetch(`${RATES_URL}/rates/${encodeURIComponent(req.params.code)}`, { signal: AbortSignal.timeout(2000) });
  if (!answer.ok) return res.status(502).json({ error: "no rate" });
  const { rate } = await answer.json();
  res.json({ code: req.params.code, price: 100 * rate });
});

app.post("/orders", (req, res) => {
  const { item, amount } = req.body || {};
  if (!item || !Number.isInteger(amount)) return res.status(400).json({ error: "item and amount are required" });
  const order = { id: next++, item, amount };
  orders.set(order.id, order);
  res.status(201).json(order);
});

app.get("/orders/:id", (req, res) => {
  const order = orders.get(Number(req.params.id));
  order ? res.json(order) : res.status(404).json({ error: "not found" });
});

app.get("/orders", (req, res) => res.json([...orders.values()]));

app.listen(process.env.PORT || 19701, "127.0.0.1", (error) => {
  if (error) throw error;
  console.log("listening");
});
