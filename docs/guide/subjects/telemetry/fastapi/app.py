"""Prices in another currency: FastAPI, instrumented by opentelemetry-distro, with metrics for Prometheus."""
import logging
import os

import httpx
from fastapi import FastAPI, HTTPException
from prometheus_fastapi_instrumentator import Instrumentator

app = FastAPI(title="Prices")
rates = httpx.AsyncClient(base_url=os.environ.get("RATES_URL", "http://127.0.0.1:19811"), timeout=2)
log = logging.getLogger("prices")
Instrumentator(should_group_status_codes=False, should_instrument_requests_inprogress=True).instrument(app).expose(app)


@app.get("/healthz")
async def healthz():
    return {"status": "ok"}


@app.get("/currencies")
async def currencies():
    log.warning("currencies were listed")
    return ["EUR", "CHF", "USD"]


@app.get("/price/{currency}")
async def price(currency: str):
    try:
        answer = await rates.get(f"/rates/{currency}")
        answer.raise_for_status()
    except httpx.HTTPError:
        raise HTTPException(503, "the rates are not available")
    return {"currency": currency, "price": 100 * answer.json()["rate"]}
