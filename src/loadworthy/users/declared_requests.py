"""Requests that a plan describes, ready to be sent: each part is a constant or a function of the variables.

They are sent by users (:mod:`loadworthy.users.declared`) and, once for all of them, by the plan's set-up
(:mod:`loadworthy.users.once`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.plan.places import looks_secret
from loadworthy.plan.steps import Step, Undo
from loadworthy.units import US_PER_S
from loadworthy.users.checks import (
    Check,
    Extractor,
    ResponseLike,
    StatusNotExpectedError,
    compile_checks,
    compile_extractor,
    expected_statuses,
)
from loadworthy.users.multipart import ReadFile, compile_form
from loadworthy.users.templates import Templates, Variables, resolve

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompiledUndo:
    """The request that removes what a step has created."""

    method: str
    path: Any
    options: Options

    def filled(self, variables: Variables, sent: Options) -> dict[str, Any]:
        """The arguments of :func:`~loadworthy.users.cleanup.created`, as of now; ``sent``: the step's own options.

        Raises:
            TemplateFailedError: where a template cannot be filled.
        """
        options = {key: resolve(option, variables) for key, option in self.options.items()}
        headers = {**(sent.get("headers") or {}), **(options.pop("headers", None) or {})}
        path = resolve(self.path, variables)
        return {"method": self.method, "path": path, "headers": headers or None, **options}


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """A request: what is sent, what its answer must be, what is taken from it."""

    method: str
    name: str
    path: Any
    options: Options
    statuses: frozenset[int] | None
    checks: Sequence[Check]
    extractors: Mapping[str, Extractor]
    undo: CompiledUndo | None = None
    secret_names: tuple[str, ...] = ()
    """Of what is extracted, what its name, or that of its place in the answer, calls a credential."""

    def filled(self, variables: Variables) -> tuple[str, dict[str, Any]]:
        """The path, and the options for the session; TemplateFailedError where a template cannot be filled."""
        path = resolve(self.path, variables)
        return path, {key: resolve(option, variables) for key, option in self.options.items()}

    def check_status(self, response: ResponseLike) -> None:
        """StatusNotExpectedError where the status is none of those that are right, if any are named."""
        if self.statuses is not None and response.status_code not in self.statuses:
            wanted = ", ".join(str(status) for status in sorted(self.statuses))
            raise StatusNotExpectedError(f"status {response.status_code} where {wanted} was expected")

    def take(self, response: ResponseLike, variables: MutableMapping[str, Any]) -> None:
        """Look at the answer, and put what is extracted among the variables; CheckFailedError where it is not good."""
        for check in self.checks:
            check(response, variables)
        for name, extract in self.extractors.items():
            variables[name] = extract(response)

    def secrets_in(self, variables: Variables) -> Iterator[str]:
        """The credentials that were extracted, as texts."""
        return (str(variables[name]) for name in self.secret_names)


def compile_headers(
    own: Mapping[str, str], common: Mapping[str, str], templates: Templates, *, first: bool = False
) -> Any:
    """The headers of a step with those that all steps have; ``first``: without those that cannot be filled yet."""
    names = {name.lower() for name in own}
    others = {name: value for name, value in common.items() if name.lower() not in names}
    if not others and not own:
        return None
    return templates.texts(own, optional=others) if first else templates.texts({**others, **own})


def compile_request(step: Step, headers: Any, templates: Templates, read_file: ReadFile) -> CompiledStep:
    """Work out all of a step with a ``path`` that does not vary; ``headers`` are compiled already.

    UsageError where a file of its form cannot be read.
    """
    path = step.path or ""
    # What is the default is not said: a request without options takes the client's shortest way.
    options: dict[str, Any] = {} if step.allow_redirects else {"allow_redirects": False}
    if headers is not None:
        options["headers"] = headers
    if step.query:
        options["params"] = templates.texts(step.query)
    if step.json_ is not None:
        options["json"] = templates.value(step.json_)
    if step.form is not None:
        options["data"] = templates.texts(step.form)
    if step.multipart:
        form = compile_form(step.multipart, templates, read_file)
        options["data"], options["headers"] = form.body, _with_type(headers, form.content_type)
    if step.body is not None:
        options["data"] = _encoded(templates.text(step.body))
    if step.timeout is not None:
        options["timeout"] = step.timeout / US_PER_S
    return CompiledStep(
        method=step.method,
        name=step.name or path,
        path=templates.text(path),
        options=options,
        statuses=expected_statuses(step.expect),
        checks=compile_checks(step.expect, templates),
        extractors={name: compile_extractor(name, source) for name, source in step.extract.items()},
        undo=None if step.undo is None else _compile_undo(step.undo, templates),
        secret_names=tuple(name for name, source in step.extract.items() if _is_credential(name, source)),
    )


def _with_type(headers: Any, content_type: str) -> Any:
    """The compiled headers with this content type, in place of one that all steps have."""
    if callable(headers):
        return lambda variables: _with_type(headers(variables), content_type)
    kept = {name: value for name, value in (headers or {}).items() if name.lower() != "content-type"}
    return {**kept, "Content-Type": content_type}


def _compile_undo(undo: Undo, templates: Templates) -> CompiledUndo:
    options: dict[str, Any] = {}
    if undo.headers:
        options["headers"] = templates.texts(undo.headers)
    if undo.query:
        options["params"] = templates.texts(undo.query)
    if undo.json_ is not None:
        options["json"] = templates.value(undo.json_)
    return CompiledUndo(undo.method, templates.text(undo.path), options)


def _is_credential(name: str, source: str) -> bool:
    place = re.split(r"[^\w-]+", source.rstrip("'\"])"))[-1]
    return looks_secret(name) or (not source.startswith("regex:") and looks_secret(place))


def _encoded(text: Any) -> Any:
    if callable(text):
        return lambda variables: text(variables).encode()
    return text.encode()
