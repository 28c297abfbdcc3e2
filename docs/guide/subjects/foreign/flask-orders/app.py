"""Orders of a shop: Flask, SQLAlchemy and PostgreSQL, as a tutorial would have it."""
import os

from flask import Flask, abort, jsonify, request
from sqlalchemy import ForeignKey, create_engine, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"])


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    item: Mapped[str]
    quantity: Mapped[int]


with engine.begin() as connection:
    connection.execute(text("select pg_advisory_xact_lock(1)"))
    Base.metadata.create_all(connection)


def shown(order):
    return {"id": order.id, "customer": order.customer_id, "item": order.item, "quantity": order.quantity}


@app.get("/health")
def health():
    return jsonify(status="ok")


@app.get("/ready")
def ready():
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    return jsonify(status="ok")


@app.post("/customers")
def add_customer():
    body = request.get_json()
    if not isinstance(body.get("name"), str):
        abort(400)
    with Session(engine) as session:
        customer = Customer(name=body["name"])
        session.add(customer)
        session.commit()
        return jsonify(id=customer.id, name=customer.name), 201


@app.get("/customers/<int:id>")
def customer(id):
    with Session(engine) as session:
        found = session.get(Customer, id)
        if found is None:
            abort(404)
        return jsonify(id=found.id, name=found.name)


@app.post("/orders")
def add_order():
    body = request.get_json()
    with Session(engine) as session:
        order = Order(customer_id=body["customer"], item=body["item"], quantity=body["quantity"])
        session.add(order)
        session.commit()
        return jsonify(shown(order)), 201


@app.get("/orders/<int:id>")
def one_order(id):
    with Session(engine) as session:
        order = session.get(Order, id)
        if order is None:
            abort(404)
        return jsonify(shown(order))


@app.get("/orders")
def orders():
    limit = request.args.get("limit", 50, type=int)
    with Session(engine) as session:
        return jsonify([shown(o) for o in session.scalars(select(Order).order_by(Order.id.desc()).limit(limit))])
