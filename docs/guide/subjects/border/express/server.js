// A small shop: Express as its guide has it, and a dependency over fetch.
const crypto = require("crypto");
const express = require("express");

const app = express();
app.use(express.json());
const RATES_URL = process.env.RATES_URL || "http://127.0.0.1:18740";

// About 5 ms of a processor.
const work = () => crypto.pbkdf2Sync("item", "salt", 8000, 32, "sha256").toString("hex");

app.get("/healthz", (request, response) => response.json({ status: "ok" }));
app.get(["/items/:id", "/orders/:id"], (request, response) => response.json({ id: Number(request.params.id), digest: work() }));
app.get(["/search", "/suggestions"], (request, response) => response.json({ found: [work()] }));
app.post("/prices", (request, response) => response.json({ item: request.body.item, price: 100 * request.body.amount }));
app.get("/rates/:code", async (request, response, next) => {
  try {
    const answer = await fetch(`${RATES_URL}/rates/${request.params.code}`);
    response.json({ rate: (await answer.json()).rate });
  } catch (error) {
    next(error);
  }
});
app.get("/report", (request, response) => setTimeout(() => response.json({ report: "done" }), 20000));
app.get("/broken", () => {
  throw new Error("the handler fails");
});

app.listen(Number(process.env.PORT), "127.0.0.1");
