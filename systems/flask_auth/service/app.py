"""The service's endpoints: clients register, log in, see to their profile; administrators list and remove them.

Hashing a password takes about 10 ms of CPU, by design, so no transaction is open meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request
from sqlalchemy import delete, select, update

from systems.flask_auth.service.models import Client, DomainQuery, Login, ProfileChange, Registration, utc_now
from systems.flask_auth.service.seed import prepare
from systems.kit.database import Database
from systems.kit.passwords import hash_password, verify_password
from systems.kit.tokens import InvalidTokenError, Tokens
from systems.kit.wsgi import (
    bearer_token,
    body_of,
    conflict,
    forbidden,
    invalid,
    not_found,
    requested_page,
    row_id,
    service_app,
    unauthorized,
    valid,
)

Answer = tuple[Response, int]
NO_CONTENT = ("", 204)


def create_app(database: Database) -> Flask:
    """The application, on a database that is made and filled where it is empty."""
    prepare(database)
    app = service_app("flask_auth", database)
    tokens = Tokens()
    guard = _Guard(database, tokens)
    _add_access(app, database, tokens, guard)
    _add_profile(app, database, guard)
    _add_administration(app, database, guard)
    return app


@dataclass(frozen=True, slots=True)
class _Guard:
    """Who asks."""

    database: Database
    tokens: Tokens

    def claims(self) -> dict[str, Any]:
        """The claims of the request's token; 401 where it does not hold."""
        try:
            return self.tokens.verify(bearer_token())
        except InvalidTokenError as error:
            unauthorized(str(error))

    def client(self) -> Client:
        """The account of the request's token; 401 where it is gone."""
        with self.database.reading() as session:
            client = session.get(Client, int(self.claims()["sub"]))
        if client is None:
            unauthorized("this account was removed")
        return client

    def admin(self) -> Client:
        """The administrator's account; 403 where it is somebody else's."""
        client = self.client()
        if client.role != "admin":
            forbidden()
        return client


def _add_access(app: Flask, database: Database, tokens: Tokens, guard: _Guard) -> None:
    @app.post("/client_registeration")
    def register() -> Answer:
        wanted = body_of(Registration)
        with database.reading() as session:
            if session.scalar(select(Client.id).where(Client.email == wanted.email)) is not None:
                conflict("this e-mail address is registered already")
        client = Client(
            name=wanted.name,
            email=wanted.email,
            domain=wanted.email.partition("@")[2],
            phone=wanted.phone,
            password_hash=hash_password(wanted.password),
            role="client",
            created_at=utc_now(),
            login_count=0,
        )
        with database.writing() as session:  # somebody was faster: the table's constraint says 409
            session.add(client)
        return jsonify(client=client.shown()), 201

    @app.post("/client_login")
    def login() -> Answer:
        given = body_of(Login)
        with database.reading() as session:
            client = session.scalar(select(Client).where(Client.email == given.email))
        if not verify_password(given.password, client.password_hash if client else None) or client is None:
            unauthorized("e-mail address or password is wrong")
        with database.writing() as session:
            session.execute(
                update(Client)
                .where(Client.id == client.id)
                .values(last_login_at=utc_now(), login_count=Client.login_count + 1)
            )
        token = tokens.issue(client.id, role=client.role)
        return jsonify(token=token, token_type="Bearer", expires_in=int(tokens.lifetime_s), client_id=client.id), 200

    @app.post("/client_logout")
    def logout() -> tuple[str, int]:
        tokens.revoke(guard.claims())
        return NO_CONTENT


def _add_profile(app: Flask, database: Database, guard: _Guard) -> None:
    @app.get("/client_profile")
    def profile() -> Answer:
        return jsonify(client=guard.client().shown()), 200

    @app.patch("/client_profile")
    def change() -> Answer:
        client = guard.client()
        changes = body_of(ProfileChange).model_dump(exclude_none=True)
        if changes:
            with database.writing() as session:
                session.execute(update(Client).where(Client.id == client.id).values(**changes))
        return jsonify(client={**client.shown(), **changes}), 200

    @app.delete("/client_profile")
    def leave() -> tuple[str, int]:
        client = guard.client()
        if client.role == "admin":
            conflict("an administrator's account stays")
        with database.writing() as session:
            session.execute(delete(Client).where(Client.id == client.id))
        return NO_CONTENT


def _add_administration(app: Flask, database: Database, guard: _Guard) -> None:
    @app.get("/clients")
    def clients() -> Answer:
        guard.admin()
        page = requested_page()
        domain = valid(DomainQuery, request.args.to_dict()).domain
        query = select(Client).order_by(Client.id)
        if domain is not None:
            query = query.where(Client.domain == domain)
        with database.reading() as session:
            rows, total = page.of(session, query)
            return jsonify(page.body([row.shown() for row in rows], total)), 200

    @app.delete("/clients")
    def remove_domain() -> Answer:
        guard.admin()
        domain = valid(DomainQuery, request.args.to_dict()).domain
        if domain is None:
            invalid("name the domain whose accounts to remove: /clients?domain=example.org")
        with database.writing() as session:
            removed = session.scalars(
                delete(Client).where(Client.domain == domain, Client.role != "admin").returning(Client.id)
            ).all()
        if not removed:
            not_found("domain")
        return jsonify(removed=len(removed)), 200

    @app.get("/clients/<int:client_id>")
    def client(client_id: int) -> Answer:
        guard.admin()
        wanted = row_id(client_id)
        with database.reading() as session:
            found = session.get(Client, wanted)
        if found is None:
            not_found("client")
        return jsonify(client=found.shown()), 200

    @app.delete("/clients/<int:client_id>")
    def remove(client_id: int) -> tuple[str, int]:
        if guard.admin().id == client_id:
            conflict("an administrator's account stays")
        wanted = row_id(client_id)
        with database.writing() as session:
            removed = session.scalar(delete(Client).where(Client.id == wanted).returning(Client.id))
        if removed is None:
            not_found("client")
        return NO_CONTENT
