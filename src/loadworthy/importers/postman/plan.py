"""Postman collections as plans: one flow of all requests, in the order of the collection.

What scripts take out of answers is extracted, so that requests after them can use it. Variables that the collection
knows are put in, others and secrets are asked of the environment.
"""

from __future__ import annotations

import re
from collections import Counter

from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions, Json, Note, Variables
from loadworthy.importers.marks import Marks
from loadworthy.importers.only import nothing_fits
from loadworthy.importers.origins import belongs, left_out_by_only, left_out_hosts, main_origin
from loadworthy.importers.postman.reading import Collection, Item, read_collection
from loadworthy.importers.postman.request import RequestReader
from loadworthy.importers.postman.scripts import Script, read_script
from loadworthy.importers.postman.values import Values
from loadworthy.importers.request_credentials import Credentials
from loadworthy.importers.request_plan import imported_of, no_login, plan_of
from loadworthy.importers.request_steps import StepMaker
from loadworthy.importers.requests import METHODS, RecordedRequest, is_like, is_wanted, url_mistake

_SHOWN_CHARACTERS = 60
_Request = tuple[int, Item, RecordedRequest, Script, dict[str, str]]
"""Its number, what it was made from, its script, and what is extracted from its answer."""


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
    collection = read_collection(text)
    tests = [read_script(item.tests) for item in collection.items]
    # What a request would give that is left out, is not there for the others: which are left out must be known first.
    first = _Importer(collection, tests, options)
    return _Importer(collection, tests, options, first.chosen()).imported()


class _Importer:
    """One pass over the collection.

    Args:
        collection: as it was read.
        tests: the script for the answer of each of its items.
        options: what the user says.
        chosen: numbers of the items that are carried over; none where that is not known yet.
    """

    def __init__(
        self,
        collection: Collection,
        tests: list[Script],
        options: ImportOptions,
        chosen: frozenset[int] = frozenset(),
    ) -> None:
        self._collection = collection
        self._chosen = chosen
        self._options = options
        self._variables = Variables()
        self._credentials = Credentials(self._variables)
        self._marks = Marks()
        self._notes: list[Note] = []
        self._unwanted: list[str] = []
        self._only_if: set[str] = set()
        self._tests = tests
        used = [script for number, script in enumerate(tests) if not chosen or number in chosen]
        set_later = {name for script in used for name in (*script.extract, *script.constants)}
        self._values = Values(self._variables, self._marks, dict(collection.variables), set_later)

    def chosen(self) -> frozenset[int]:
        """The numbers of the items that are carried over."""
        return frozenset(number for number, *_ in self._made()[1])

    def imported(self) -> Imported:
        """The plan and its notes."""
        origin, made = self._made()
        maker = StepMaker(self._credentials, origin, self._marks, self._notes)
        steps = [self._step(maker, *one[1:]) for one in made]
        self._forget_unused(made, steps)
        return self._planned(origin, self._login_first([request for _, _, request, _, _ in made]), steps)

    def _forget_unused(self, made: list[_Request], steps: list[Json]) -> None:
        """Take out what a script takes only if it is there, and no request needs; say so of the others."""
        used = repr([{**step, "extract": None} for step in steps])
        for (_, item, *_), step in zip(made, steps, strict=True):
            for name in sorted(self._only_if.intersection(step.get("extract", {}))):
                if re.search(rf"\{{\{{[^{{}}]*\b{name}\b", used):
                    self._tell(item, f"it takes {name} if the answer has it; without it, the step of the plan fails")
                else:
                    del step["extract"][name]
            if not step.get("extract", True):
                del step["extract"]

    def _made(self) -> tuple[str, list[_Request]]:
        """The origin of the service, and its requests."""
        usable: list[_Request] = []
        reader = RequestReader(self._values, self._credentials, self._notes)
        for number, (item, tests) in enumerate(zip(self._collection.items, self._tests, strict=True)):
            is_left_out = bool(self._chosen) and number not in self._chosen
            notes_before = len(self._notes)
            self._prepare(item)
            request = reader.request(item)
            if is_left_out:
                del self._notes[notes_before:]  # how it would be sent is no matter
            if self._is_usable(request):
                usable.append((number, item, request, tests, {} if is_left_out else self._extracted(item, tests)))
        origin = main_origin((one[2] for one in usable), self._options.base_url)
        made = [one for one in usable if belongs(one[2].url, origin)]
        strangers = (one[2].parts.hostname or "" for one in usable if not belongs(one[2].url, origin))
        others = Counter(map(self._marks.resolved, strangers))
        self._notes += [*left_out_hosts(others, "the service's own"), *left_out_by_only(self._unwanted)]
        if not made and self._unwanted:
            raise ImportFailedError(nothing_fits(self._options.only, self._unwanted))
        if not made:
            why = "; ".join(f"{note.where}: {note.what}" for note in self._notes[:5])
            raise ImportFailedError(f"the collection has no request that a plan can send ({why or 'none is wanted'})")
        return origin, made

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
            self._tell(item, f"its script before the request does more, e.g. {_beginning(rest[0])}")

    def _is_usable(self, request: RecordedRequest) -> bool:
        mistake = url_mistake(request.url)
        if mistake is None and request.method not in METHODS:
            mistake = f"a plan knows no method {request.method[:20]}"
        if mistake is not None:
            self._notes.append(Note(request.where, f"{mistake}; the request is left out"))
            return False
        is_asked_for = is_wanted(request, self._options) or self._is_login(request)
        if not is_asked_for:
            self._unwanted.append(self._marks.resolved(request.label))
        return is_asked_for

    def _is_login(self, request: RecordedRequest) -> bool:
        return bool(self._options.login) and is_like(request, self._options.login or "")

    def _extracted(self, item: Item, tests: Script) -> dict[str, str]:
        """Name → source of what the script takes; requests after this one use it."""
        extract = {self._values.extracted(name): source for name, source in tests.extract.items()}
        self._only_if |= {self._values.extracted(name) for name in tests.only_if}
        for name, constant in tests.constants.items():
            self._values.known[name] = constant
            self._values.made.pop(name, None)
        for name, template in tests.templates.items():
            self._values.made[name] = template
        if tests.rest:
            more = f" and {len(tests.rest) - 1} more" if len(tests.rest) > 1 else ""
            self._tell(item, f"its script does more: {_beginning(tests.rest[0])}{more}")
        return extract

    def _step(
        self, maker: StepMaker, item: Item, request: RecordedRequest, tests: Script, extract: dict[str, str]
    ) -> Json:
        step = maker.step(request)
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
        plan = plan_of(
            steps[:once],
            "flow",
            steps[once:],
            origin=self._marks.resolved(origin),
            options=self._options,
            credentials=self._credentials,
            notes=self._notes,
        )
        for name in self._values.missing:
            self._notes.append(Note(f"{{{{${name[:40]}}}}}", "a plan has nothing like it; it is a word and a number"))
        collection = self._collection
        source = f"Postman collection {collection.version}: {collection.name}"
        return imported_of(plan, source, self._notes, self._credentials)

    def _tell(self, item: Item, what: str) -> None:
        self._notes.append(Note(item.where, what))


def _beginning(statement: str) -> str:
    """What a statement does, without what it does it with, which may be a secret."""
    begins = re.split(r"[('\"`=]", statement, maxsplit=1)[0]
    return begins.strip()[:_SHOWN_CHARACTERS] + ("…" if begins != statement else "")
