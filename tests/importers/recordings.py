"""Small HAR files, made of the few things that a test is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loadworthy.importers.har.plan import import_har
from loadworthy.importers.imported import Imported, ImportOptions
from loadworthy.plan.load import plan_from_mapping

SAMPLES = Path(__file__).parent / "samples"
ORIGIN = "https://shop.example"
START_S = 1_795_866_900
"""When the small recordings begin: 2026-11-28T11:55:00Z."""


def sample(name: str) -> str:
    """The text of a recording in ``samples``."""
    return (SAMPLES / name).read_text(encoding="utf-8")


def entry(
    method: str,
    url: str,
    *,
    at_ms: int = 0,
    took_ms: int = 10,
    status: int = 200,
    sent: Any = None,
    mime: str = "application/json",
    headers: dict[str, str] | None = None,
    answer: Any = None,
    answer_mime: str = "application/json",
    answer_headers: list[tuple[str, str]] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """One entry; data that is no text is sent and answered as JSON."""
    request: dict[str, Any] = {
        "method": method,
        "url": url if "://" in url or url.startswith("data:") else ORIGIN + url,
        "headers": [{"name": name, "value": value} for name, value in (headers or {}).items()],
    }
    if sent is not None:
        request["postData"] = {"mimeType": mime, "text": sent if isinstance(sent, str) else json.dumps(sent)}
    content: dict[str, Any] = {"mimeType": answer_mime}
    if answer is not None:
        content["text"] = answer if isinstance(answer, str) else json.dumps(answer)
    seconds, ms = divmod(at_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return {
        "startedDateTime": f"2026-11-28T11:{55 + minutes:02d}:{seconds:02d}.{ms:03d}Z",
        "time": took_ms,
        "request": request,
        "response": {
            "status": status,
            "headers": [{"name": name, "value": value} for name, value in answer_headers or []],
            "content": content,
        },
        **others,
    }


def har(*entries: dict[str, Any]) -> str:
    """The file."""
    return json.dumps({"log": {"version": "1.2", "entries": list(entries)}})


def imported(*entries: dict[str, Any], **options: Any) -> Imported:
    """What is made of the entries; it is a plan without mistakes."""
    made = import_har(har(*entries), ImportOptions(**options))
    loads(made)
    return made


def loads(made: Imported) -> None:
    """See that the plan has no mistakes, with each variable set to something."""
    addresses = [made.plan["base_url"], *(str(step.get("path")) for step in steps(made))]
    environ = {
        name: "http://set.example/" if any(one.startswith(f"${{{name}}}") for one in addresses) else "set-for-the-test"
        for name in made.variables
    }
    plan_from_mapping(made.plan, path=Path("plan.yaml"), environ=environ)


def steps(made: Imported) -> list[dict[str, Any]]:
    """All steps, those of ``on_start`` first."""
    (scenario,) = made.plan["scenarios"].values()
    return [step for key in ("on_start", "flow", "endpoints") for step in scenario.get(key, [])]


def told(made: Imported) -> str:
    """The notes as one text."""
    return "\n".join(f"{note.where}: {note.what}" for note in made.notes)
