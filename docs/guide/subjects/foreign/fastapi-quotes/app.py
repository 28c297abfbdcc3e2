"""Prices in another currency: FastAPI under uvicorn, which asks another service for the rate with httpx."""
import os

import httpx
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI(title="Quotes")
rates = httpx.AsyncClient(base_url=os.environ.get("RATES_URL", "http://127.0.0.1:18642"))


class Basket(BaseModel):
    currency: str
    amounts: list[float]


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/quote/{currency}")
async def quote(currency: str, amount: float = 1.0):
    answer = await rates.get(f"/rates/{currency}")
    if answer.status_code == 404:
        raise HTTPException(404, "no such currency")
    answer.raise_for_status()
    return {"currency": currency, "amount": amount * answer.json()["rate"]}


@app.post("/baskets")
async def basket(basket: Basket):
    try:
        answer = await rates.get(f"/rates/{basket.currency}")
        answer.raise_for_status()
        rate = answer.json()["rate"]
    except httpx.HTTPError:
        raise HTTPException(503, "the rates are not available")
    return {"currency": basket.currency, "total": sum(basket.amounts) * rate}


@app.get("/currencies")
async def currencies():
    return ["EUR", "CHF", "USD"]
