"""Postman collections as plans: one flow of all requests, in the order of the collection.

What scripts take out of answers is extracted, so that requests after them can use it. Variables that the collection
knows are put in, others and secrets are asked of the environment.
"""

from __future__ import annotations

import re
from collections import Counter

from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions, Json, Note, Variables
from loadworthy.importers.postman.reading import Collection, Item, read_collection
from loadworthy.importers.postman.request import RequestReader
from loadworthy.importers.postman.scripts import Script, read_script
from loadworthy.importers.postman.values import Values
from loadworthy.importers.request_credentials import Credentials, sweep_steps
from loadworthy.importers.request_steps import StepMaker, common_headers, no_login, plan_of, used_variables
from loadworthy.importers.requests import METHODS, Marks, RecordedRequest, is_like, is_wanted, url_mistake

_SHOWN_CHARACTERS = 60


def detect(text: str, name: str) -> bool:
    """Whether the file is a Postman collection, of any version, or an environment."""
    if name.lower().endswith((".postman_collection.json", ".postman_collection", ".postman_environment.json")):
        return True
    beginning = text[:20_000]
    return re.match(r"\ufeff?\s*\{", beginning) is not None and (
        "schema.getpostman.com" in beginning or '"_postman_id"' in beginning or '"_postman_variable_scope"' in text
    )


def import_postman(text: str, options: ImportOptions) -> Imported:
    """The plan of a collection.

    Raises:
        ImportFailedError: it is no collection of v2.0 or v2.1, or nothing in it can be sent.
    """
    return _Importer(read_collection(text), options).imported()


class _Importer:
    def __init__(self, collection: Collection, options: ImportOptions) -> None:
        self._collection = collection
        self._options = options
        self._variables = Variables()
        self._credentials = Credentials(self._variables)
        self._marks = Marks()
        self._notes: list[Note] = []
        self._tests = [read_script(item.tests) for item in collection.items]
        set_later = {name for script in self._tests for name in (*script.extract, *script.constants)}
        self._values = Values(self._variables, self._marks, dict(collection.variables), set_later)

    def imported(self) -> Imported:
        """The plan and its notes."""
        made = []
        reader = RequestReader(self._values, self._notes)
        for item, tests in zip(self._collection.items, self._tests, strict=True):
            self._prepare(item)
            request = reader.request(item)
            if self._is_usable(request):
                made.append((item, request, tests, self._extracted(item, tests)))
        if not made:
            why = "; ".join(f"{note.where}: {note.what}" for note in self._notes[:5])
            raise ImportFailedError(f"the collection has no request that a plan can send ({why or 'none is wanted'})")
        origin = Counter(request.origin for _, request, _, _ in made).most_common(1)[0][0]
        maker = StepMaker(self._credentials, origin, self._marks, self._notes)
        steps = [self._step(maker, *one) for one in made]
        return self._planned(origin, self._login_first([request for _, request, _, _ in made]), steps)

    def _prepare(self, item: Item) -> None:
        """What the script before a request sets."""
        script = read_script(item.before)
        for name, template in script.templates.items():
            self._values.made[name] = template
        for name, constant in script.constants.items():
            self._values.made.pop(name, None)
            self._values.known[name] = constant
        rest = [*script.rest, *script.extract]
        if rest:
            self._tell(item, f"its script before the request does more, e.g. {rest[0][:_SHOWN_CHARACTERS]}")

    def _is_usable(self, request: RecordedRequest) -> bool:
        mistake = url_mistake(request.url)
        if mistake is None and request.method not in METHODS:
            mistake = f"a plan knows no method {request.method[:20]}"
        if mistake is not None:
            self._notes.append(Note(request.where, f"{mistake}; the request is left out"))
        return mistake is None and (is_wanted(request, self._options) or self._is_login(request))

    def _is_login(self, request: RecordedRequest) -> bool:
        return bool(self._options.login) and is_like(request, self._options.login or "")

    def _extracted(self, item: Item, tests: Script) -> dict[str, str]:
        """Name → source of what the script takes; requests after this one use it."""
        extract = {self._values.extracted(name): source for name, source in tests.extract.items()}
        for name, constant in tests.constants.items():
            self._values.known[name] = constant
            self._values.made.pop(name, None)
        for name, template in tests.templates.items():
            self._values.made[name] = template
        if tests.rest:
            more = f" and {len(tests.rest) - 1} more" if len(tests.rest) > 1 else ""
            self._tell(item, f"its script does more: {tests.rest[0][:_SHOWN_CHARACTERS]}{more}")
        return extract

    def _step(
        self, maker: StepMaker, item: Item, request: RecordedRequest, tests: Script, extract: dict[str, str]
    ) -> Json:
        step = maker.step(request)
        has_type = any(name.lower() == "content-type" for name in step.get("headers", {}))
        if "body" in step and not has_type:
            step["headers"] = {**step.get("headers", {}), "Content-Type": request.mime}
        expect: Json = {}
        if tests.statuses:
            expect["status"] = tests.statuses[0] if len(tests.statuses) == 1 else tests.statuses
        if tests.json:
            expect["json"] = {path: self._literal(value) for path, value in tests.json.items()}
        if tests.texts:
            expect["text"] = [self._literal(text) for text in tests.texts]
        if expect:
            step["expect"] = expect
        if extract:
            step["extract"] = extract
        if not item.follows:
            step["allow_redirects"] = False
        tags = [tag for folder in item.folders if (tag := re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-")[:60])]
        if tags:
            step["tags"] = list(dict.fromkeys(tags))
        return step

    def _literal(self, value: object) -> object:
        return self._marks.resolved(self._values.text(value)) if isinstance(value, str) else value

    def _login_first(self, requests: list[RecordedRequest]) -> int:
        """How many requests from the first on are done once by each user: up to the login, if one is named."""
        logins = [index for index, request in enumerate(requests) if self._is_login(request)]
        return logins[0] + 1 if logins and logins[0] + 1 < len(requests) else 0

    def _planned(self, origin: str, once: int, steps: list[Json]) -> Imported:
        if self._options.login and not once:
            self._notes.append(Note("--login", no_login(self._options.login)))
        steps = sweep_steps(steps, self._credentials)
        headers = common_headers(steps)
        behaviour: Json = {"headers": headers} if headers else {}
        if once:
            behaviour["on_start"] = steps[:once]
        behaviour["flow"] = steps[once:]
        base_url = self._options.base_url or self._marks.resolved(origin)
        plan = plan_of(base_url, self._options.scenario, behaviour, steps)
        for name in self._values.missing:
            self._notes.append(Note(f"{{{{${name[:40]}}}}}", "a plan has nothing like it; it is a word and a number"))
        collection = self._collection
        return Imported(
            plan,
            f"Postman collection {collection.version}: {collection.name}",
            tuple(Note(note.where, self._credentials.masked(note.what)) for note in dict.fromkeys(self._notes)),
            variables=used_variables(plan, self._variables.told),
        )

    def _tell(self, item: Item, what: str) -> None:
        self._notes.append(Note(item.where, what))
