"""Orders with numbers, for whoever has a cookie: Starlette, behind PyPI's asgi-idempotency-header as it comes."""

import itertools

from idempotency_header_middleware import IdempotencyHeaderMiddleware
from idempotency_header_middleware.backends import MemoryBackend
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

numbers = itertools.count(1)
orders = {}


async def make(request):
    if "session" not in request.cookies:
        return JSONResponse({"detail": "who are you?"}, 401)
    number = next(numbers)
    orders[number] = {"id": number, "amount": (await request.json())["amount"]}
    return JSONResponse(orders[number], 201)


async def one(request):
    order = orders.get(request.path_params["number"])
    return JSONResponse(order) if order else JSONResponse({"detail": "no such order"}, 404)


app = Starlette(
    routes=[
        Route("/", lambda request: PlainTextResponse("orders")),
        Route("/orders", make, methods=["POST"]),
        Route("/orders/{number:int}", one),
    ],
    middleware=[Middleware(IdempotencyHeaderMiddleware, backend=MemoryBackend())],
)
