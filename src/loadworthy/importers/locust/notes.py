"""What to say of the options of Locust that a plan does not have: who does it instead, or that nobody does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loadworthy.importers.imported import Note
from loadworthy.importers.locust.options import Asked
from loadworthy.importers.named_secrets import is_secret_name
from loadworthy.plan.places import looks_secret
from loadworthy.plan.redact import MASK, mask_url_password

_PAGE = "is about Locust's web page; `loadworthy run --ui` has one, with --ui-host and --ui-port"
_OURS = "is not needed: a run directory has it all, and `loadworthy export` writes it in other forms"
_WORKERS = "is an option of the run: `loadworthy run --workers N`, and `loadworthy worker --join HOST` on each machine"
_LOGGING = "is about Locust's log; what goes wrong is told in the run directory"
_SAID: Mapping[str, str] = {
    **dict.fromkeys(("web-host", "web-host-display-name", "web-port", "web-login", "web-auth", "class-picker"), _PAGE),
    **dict.fromkeys(("tls-cert", "tls-key", "web-base-path", "build-path", "legacy-ui", "headful"), _PAGE),
    **dict.fromkeys(("html", "json", "json-file", "csv-full-history", "print-stats", "only-summary"), _OURS),
    **dict.fromkeys(("master", "expect-workers", "expect-workers-max-wait", "master-bind-host"), _WORKERS),
    **dict.fromkeys(("worker", "master-host", "master-port", "master-bind-port", "enable-rebalancing"), _WORKERS),
    **dict.fromkeys(("loglevel", "logfile", "skip-log-setup"), _LOGGING),
    **dict.fromkeys(("list", "show-task-ratio", "show-task-ratio-json", "version", "help"), "only prints something"),
    "autostart": "starts at once with a page; that is `loadworthy run --ui`",
    "autoquit": "is an option of the run: `loadworthy run --ui --autoquit SECONDS`",
    "processes": "is an option of the run: `loadworthy run --processes N`",
    "tags": "goes behind -- to the run: `loadworthy run plan.yaml -- --tags WORD`",
    "exclude-tags": "goes behind -- to the run: `loadworthy run plan.yaml -- --exclude-tags WORD`",
    "config": "names a configuration that was not read; import it, too",
    "config-users": "changes attributes of user classes; set them in the locustfile",
    "reset-stats": "leaves out the ramp; thresholds do that with `warmup`: p95 < 500ms, warmup 30s",
    "exit-code-on-error": "is not used: the exit code is the verdict's",
    "equal-weights": "is not used; give the classes a weight in the locustfile",
    "profile": "is not used; a plan can have monitors",
    "otel": "is not used; `loadworthy export --format otlp` sends figures",
}

_SECRET_WORDS = frozenset({"login", "auth", "credential", "credentials", "key", "basic"})
_SECRET = ("web-auth", "tls-key", "config-users")
"""Options whose values are not shown."""


def notes_about(asked: Asked) -> Iterator[Note]:
    """A note for each option that the plan does not do by itself."""
    for name, values in asked.options.items():
        where = asked.places.get(name, asked.where)
        shown = "" if name in _SECRET or not values else f" {' '.join(values)}"
        if name in _SAID:
            yield Note(where, f"--{name}{shown} {_SAID[name]}")
        elif name == "csv":
            yield Note(where, f"--csv{shown}: the tables are in each run directory, as locust-csv")
    if asked.variables:
        yield Note(asked.where, f"it sets {', '.join(asked.variables)} in the environment; set the same for the run")
    if asked.others:
        words = " ".join(_masked(asked.others))
        yield Note(asked.where, f"{words} is for the locustfile itself: `loadworthy run plan.yaml -- {words}`")


def _masked(words: Sequence[str]) -> Iterator[str]:
    """The words of a command line without the values of what is named like a password."""
    before = ""
    for word in words:
        name, equals, value = word.partition("=")
        if equals and _is_secret(name):
            yield f"{name}={MASK}"
        elif equals:
            yield f"{name}={mask_url_password(value)}"
        else:
            yield MASK if before.startswith("-") and _is_secret(before) else mask_url_password(word)
        before = "" if equals else word


def _is_secret(option: str) -> bool:
    """Whether its value is not shown; options of a locustfile have names of all kinds."""
    name = option.strip("-").replace("-", "_")
    return looks_secret(name) or any(word in _SECRET_WORDS or is_secret_name(word) for word in name.lower().split("_"))
