"""A FastAPI service whose document says all that such documents say: security, formats, bounds, described answers.

``python tests/importers/openapi/declared_shop.py`` serves it on a free port of loopback, and prints where.
"""

from __future__ import annotations

import socket
import sys
import uuid
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Query
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel, Field, HttpUrl, IPvAnyAddress

PASSWORD, KEY = "open sesame", "key of the shop"
app = FastAPI(title="Declared shop")
oauth = OAuth2PasswordBearer(tokenUrl="api/token")
api_key = APIKeyHeader(name="X-Api-Key")
tokens: set[str] = set()
customers: dict[uuid.UUID, str] = {}
visits: dict[int, uuid.UUID] = {}


class Color(StrEnum):
    """What is sold."""

    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """Where somebody lives."""

    street: str
    zip: Annotated[str, Field(pattern=r"^\d{5}$")]
    country: Annotated[str, Field(min_length=2, max_length=2)]


class CustomerIn(BaseModel):
    """Every kind of bound."""

    name: Annotated[str, Field(min_length=1, max_length=50)]
    email: Annotated[str, Field(pattern=r".+@.+")]
    address: Address
    site: HttpUrl
    ip: IPvAnyAddress
    born: date
    tags: Annotated[set[str], Field(min_length=2, max_length=4)]
    discount: Annotated[float, Field(gt=0, lt=1)]
    level: Annotated[int, Field(multiple_of=5, ge=5, le=50)] = 5
    referred_by: CustomerIn | None = None


class Customer(BaseModel):
    """What is answered."""

    id: uuid.UUID
    name: str


class Page(BaseModel):
    """Some of them."""

    total: int
    results: list[Customer]


class VisitIn(BaseModel):
    """Ends after it begins."""

    starts_at: datetime
    ends_at: datetime
    check_in: time
    kind: Color
    addresses: Annotated[list[Address], Field(min_length=1)]


class Visit(BaseModel):
    """Known by a number of its own name."""

    visit_no: int
    customer_id: uuid.UUID


def user(token: Annotated[str, Depends(oauth)]) -> str:
    """Who has a token."""
    if token not in tokens:
        raise HTTPException(401, "log in first")
    return token


def known(customer_id: uuid.UUID) -> uuid.UUID:
    """A customer that exists."""
    if customer_id not in customers:
        raise HTTPException(404, "no such customer")
    return customer_id


User = Annotated[str, Depends(user)]
Known = Annotated[uuid.UUID, Depends(known)]


@app.post("/api/token")
def log_in(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> dict[str, str]:
    if form.password != PASSWORD:
        raise HTTPException(401, "wrong password")
    token = uuid.uuid4().hex
    tokens.add(token)
    return {"access_token": token, "token_type": "bearer"}


@app.post("/api/customers", status_code=201)
def create(body: CustomerIn, _: User) -> Customer:
    if body.email in customers.values():
        raise HTTPException(409, "this address is taken")
    created = uuid.uuid4()
    customers[created] = body.email
    return Customer(id=created, name=body.name)


@app.get("/api/customers")
def everybody(_: User, sort: Color, limit: int = 10) -> Page:
    some = [Customer(id=one, name=email) for one, email in list(customers.items())[:limit]]
    return Page(total=len(customers), results=some)


@app.get("/api/customers/{customer_id}")
def read(customer_id: Known, _: User) -> Customer:
    return Customer(id=customer_id, name=customers[customer_id])


@app.put("/api/customers/{customer_id}")
def change(customer_id: Known, body: CustomerIn, _: User) -> Customer:
    return Customer(id=customer_id, name=body.name)


@app.delete("/api/customers/{customer_id}", status_code=204)
def remove(customer_id: Known, _: User) -> None:
    del customers[customer_id]


@app.post("/api/customers/{customer_id}/visits", status_code=201)
def visit(customer_id: Known, body: VisitIn, _: User) -> Visit:
    if body.ends_at <= body.starts_at:
        raise HTTPException(422, "a visit ends after it begins")
    number = len(visits) + 1
    visits[number] = customer_id
    return Visit(visit_no=number, customer_id=customer_id)


@app.get("/api/customers/{customer_id}/visits/{visit_no}")
def read_visit(customer_id: Known, visit_no: int, _: User) -> Visit:
    if visits.get(visit_no) != customer_id:
        raise HTTPException(404, "no such visit")
    return Visit(visit_no=visit_no, customer_id=customer_id)


@app.post("/api/orders")
def order(body: dict[str, int], customer_id: Annotated[uuid.UUID, Query()], _: User) -> dict[str, int]:
    known(customer_id)
    return body


@app.get("/internal/stats")
def stats(key: Annotated[str, Depends(api_key)]) -> dict[str, int]:
    if key != KEY:
        raise HTTPException(403, "wrong key")
    return {"customers": len(customers)}


@app.get("/ping")
def ping(x_request_id: Annotated[uuid.UUID, Header()], language: Annotated[str, Cookie()] = "en") -> str:
    return f"{x_request_id} {language}"


@app.get("/colors/{color}")
def color_of(color: Color) -> str:
    return color


def main() -> None:
    """Serve until told to stop."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    sys.stdout.write(f"declared_shop listens on http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
