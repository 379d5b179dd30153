"""A request of a Postman collection: its URL, headers, authentication and body, with variables put in."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote, unquote

from loadworthy.importers.imported import Note
from loadworthy.importers.marks import has_mark
from loadworthy.importers.postman.reading import Item, list_of, pairs_of_entries, scalar_of, text_of
from loadworthy.importers.postman.values import Values
from loadworthy.importers.request_credentials import Credentials
from loadworthy.importers.requests import FORM, FormPart, RecordedRequest

_LANGUAGES = {
    "json": "application/json",
    "xml": "application/xml",
    "html": "text/html",
    "javascript": "application/javascript",
    "text": "text/plain",
}
# Postman encodes what no URL may hold and leaves all else, percent signs included.
_SAFE_IN_PATH = "%:@!$&'()*+,;=~/"
_SAFE_IN_QUERY = "%:@!$'()*,;~/?+"
_MARKED = re.compile("(\ue000\\d+\ue001)")


class RequestReader:
    """Makes requests of items.

    Args:
        values: the variables as they stand when the request is reached.
        credentials: what is a secret by its place is found there.
        notes: gets what cannot be carried over.
    """

    def __init__(self, values: Values, credentials: Credentials, notes: list[Note]) -> None:
        self._values = values
        self._credentials = credentials
        self._notes = notes
        self._login = ""

    def request(self, item: Item) -> RecordedRequest:
        """The request of an item."""
        self._login = ""
        headers = list(self._headers(item))
        body, mime = self._body(item, headers)
        form = tuple(self._form(item))
        url = self._url(item.request.get("url"))
        given = {name.lower() for name, _ in headers}
        authenticating = list(self._auth(item))
        if self._login and not any(name.lower() == "authorization" for _, name, _ in authenticating):
            authenticating.append(("header", "Authorization", f"Basic {self._basic(self._login)}"))
        for place, name, value in authenticating:
            if place == "query":
                url += ("&" if "?" in url else "?") + f"{name}={value}"
            elif name.lower() not in given:
                headers.append((name, value))
        method = text_of(item.request.get("method")).upper() or "GET"
        return RecordedRequest(method, url, tuple(headers), body, mime, item.where, form)

    # --- where ---

    def _url(self, data: Any) -> str:
        if isinstance(data, str):
            return self._with_scheme(
                _encoded(self._values.text(text_of(data).partition("#")[0]), _SAFE_IN_QUERY + "=&")
            )
        parts = data if isinstance(data, dict) else {}
        places = {name: value or "" for name, value, _ in pairs_of_entries(parts.get("variable"))}
        if parts.get("host"):
            address = self._address(parts, places)
        else:
            raw, _, written = text_of(parts.get("raw")).partition("#")[0].partition("?")
            segments = [self._segment(one, places) for one in raw.split("/")]
            address = self._with_scheme("/".join(segments))
            if written and not isinstance(parts.get("query"), list):
                return f"{address}?{_encoded(self._values.text(written), _SAFE_IN_QUERY + '=&')}"
        query = "&".join(self._parameters(parts.get("query")))
        return f"{address}?{query}" if query else address

    def _address(self, parts: Mapping[str, Any], places: Mapping[str, str]) -> str:
        host = parts["host"]
        name = ".".join(scalar_of(one) for one in host) if isinstance(host, list) else text_of(host)
        scheme = text_of(parts.get("protocol")).removesuffix("://")
        address = f"{scheme}://{name}" if scheme else name
        if scalar_of(parts.get("port")):
            address += f":{scalar_of(parts['port'])}"
        found = parts.get("path")
        segments = text_of(found).lstrip("/").split("/") if isinstance(found, str) else list_of(found)
        texts = [scalar_of(one.get("value")) if isinstance(one, dict) else scalar_of(one) for one in segments]
        path = "".join(f"/{self._segment(one, places)}" for one in texts)
        return self._with_scheme(self._values.text(address).rstrip("/")) + path

    def _segment(self, written: str, places: Mapping[str, str]) -> str:
        """A part of a path; ``:id`` is one of its variables."""
        if written.startswith(":") and written[1:] in places:
            value = self._values.text(places[written[1:]] or f"{{{{{written[1:]}}}}}")
            return _encoded(value, _SAFE_IN_PATH.replace("/", ""))
        return _encoded(self._values.text(written), _SAFE_IN_PATH)

    def _with_scheme(self, address: str) -> str:
        if address.startswith("\ue000"):
            mark, _, rest = address.partition("\ue001")
            return self._values.marks.address(f"{mark}\ue001") + rest
        scheme, separator, rest = address.partition("://")
        scheme, rest = (scheme.lower(), rest) if separator else ("http", address)
        authority = re.split(r"[/?]", rest, maxsplit=1)[0]
        login, _, host = authority.rpartition("@")
        self._login = unquote(login)
        return f"{scheme}://{host}{rest[len(authority) :]}"

    def _parameters(self, data: Any) -> Iterator[str]:
        for name, value, _ in pairs_of_entries(data):
            key = _encoded(self._values.text(name), _SAFE_IN_QUERY)
            yield key if value is None else f"{key}={_encoded(self._values.text(value), _SAFE_IN_QUERY)}"

    # --- with what ---

    def _headers(self, item: Item) -> Iterator[tuple[str, str]]:
        data = item.request.get("header")
        if isinstance(data, str):
            lines = (line.partition(":") for line in text_of(data).splitlines())
            pairs = [(name.strip(), value.strip()) for name, colon, value in lines if colon]
        else:
            pairs = [(name, value or "") for name, value, _ in pairs_of_entries(data)]
        for name, value in pairs:
            if name.lower() not in {"host", "content-length"}:
                yield self._values.text(name), self._values.text(value)

    def _auth(self, item: Item) -> Iterator[tuple[str, str, str]]:
        """Place, name and value of each thing that authenticates."""
        kind = text_of((item.auth or {}).get("type"))
        given = _parameters_of(item.auth, kind)
        if kind in {"bearer", "oauth2"}:
            token = given.get("token" if kind == "bearer" else "accessToken") or "{{TOKEN}}"
            if self._values.is_waiting(token):
                self._note(item, "it is sent without its token, which only a later request gets")
            elif given.get("addTokenTo") == "queryParams":
                yield "query", "access_token", _encoded(self._values.text(token), _SAFE_IN_QUERY)
            else:
                prefix = given.get("headerPrefix", "Bearer").strip() if kind == "oauth2" else "Bearer"
                yield "header", "Authorization", f"{prefix} {self._values.text(token)}".strip()
            if kind == "oauth2" and not given.get("accessToken"):
                self._note(item, "its OAuth 2 token is not asked for; give it as the environment variable TOKEN")
        elif kind == "basic":
            login = f"{given.get('username', '')}:{given.get('password', '')}"
            yield "header", "Authorization", f"Basic {self._basic(self._values.text(login))}"
        elif kind == "apikey":
            name = self._values.text(given.get("key") or "X-Api-Key")
            value = self._secret(self._values.text(given.get("value") or "{{API_KEY}}"), name)
            place = "query" if given.get("in") == "query" else "header"
            yield place, name, value
        elif kind and kind != "noauth":
            self._note(item, f"authentication of kind {kind[:30]} has no counterpart in a plan; it is left out")

    def _secret(self, value: str, name: str) -> str:
        """A mark for a value that is a secret whatever it is called."""
        if has_mark(value):
            return value
        return self._values.marks.mark(self._credentials.reference(value, name, f"the {name} that is sent"))

    def _basic(self, login: str) -> str:
        if not has_mark(login):
            return base64.b64encode(login.encode()).decode()
        what = "USER:PASSWORD in base64, for Basic authentication"
        return self._values.marks.mark(self._values.variables.reference("BASIC_AUTH", what))

    def _body(self, item: Item, headers: list[tuple[str, str]]) -> tuple[str, str]:
        """Text and type; an option of Postman that says the type is no header, unless one is given."""
        data = item.request.get("body")
        if not isinstance(data, dict) or data.get("disabled") is True:
            return "", ""
        mode = text_of(data.get("mode"))
        declared = next((value for name, value in headers if name.lower() == "content-type"), "")
        if mode == "raw":
            return self._raw(text_of(data.get("raw")), data, declared)
        if mode == "urlencoded":
            return "&".join(self._fields(pairs_of_entries(data.get("urlencoded")))), FORM
        if mode == "graphql":
            return self._graphql(data.get("graphql")), declared or "application/json"
        if mode == "file":
            self._note(item, "its body is a file, which a plan cannot send; the request goes without it")
        return "", ""

    def _raw(self, text: str, data: Mapping[str, Any], declared: str) -> tuple[str, str]:
        options = data.get("options")
        raw = options.get("raw") if isinstance(options, dict) else None
        language = text_of(raw.get("language")) if isinstance(raw, dict) else ""
        mime = declared or _LANGUAGES.get(language, "text/plain")
        return (self._values.json(text) if "json" in mime else self._values.text(text)), mime

    def _fields(self, entries: Iterator[tuple[str, str | None, Mapping[str, Any]]]) -> Iterator[str]:
        for name, value, _ in entries:
            yield f"{_quoted(self._values.text(name))}={_quoted(self._values.text(value or ''))}"

    def _form(self, item: Item) -> Iterator[FormPart]:
        """The parts of a multipart form; of files there are only the paths, on somebody's machine."""
        data = item.request.get("body")
        if not isinstance(data, dict) or data.get("disabled") is True or text_of(data.get("mode")) != "formdata":
            return
        for name, value, entry in pairs_of_entries(data.get("formdata")):
            key, mime = self._values.text(name), text_of(entry.get("contentType"))
            if entry.get("type") == "file":
                sources = [text_of(one) for one in list_of(entry.get("src"))] or [text_of(entry.get("src"))]
                for source in sources:
                    filename = text_of(entry.get("fileName")) or PurePath(source.replace("\\", "/")).name
                    yield FormPart(key, None, filename or "file", mime)
            else:
                yield FormPart(key, self._values.text(value or ""), mime=mime)

    def _graphql(self, data: Any) -> str:
        parts = data if isinstance(data, dict) else {}
        written = text_of(parts.get("variables")).strip() or "{}"
        query = json.dumps(self._values.text(text_of(parts.get("query"))), ensure_ascii=False)
        body = f'"query": {query}, "variables": {self._values.json(written)}'
        name = text_of(parts.get("operationName"))
        return f'{{{body}, "operationName": {json.dumps(name)}}}' if name else f"{{{body}}}"

    def _note(self, item: Item, what: str) -> None:
        note = Note(item.where, what)
        if note not in self._notes:
            self._notes.append(note)


def _parameters_of(auth: Mapping[str, Any] | None, kind: str) -> dict[str, str]:
    """Those of v2.1, a list, or of v2.0, a mapping."""
    data = (auth or {}).get(kind)
    if isinstance(data, dict):
        return {str(name): scalar_of(value) for name, value in data.items()}
    return {name: value or "" for name, value, _ in pairs_of_entries(data)}


def _encoded(text: str, safe: str) -> str:
    """The text as a URL may hold it; marks are left alone."""
    parts = _MARKED.split(text)
    return "".join(part if index % 2 else quote(part, safe=safe) for index, part in enumerate(parts))


def _quoted(text: str) -> str:
    return _encoded(text, "")
