"""A service that attacks whoever shows what it says, in a process of its own, and a suite that repeats all of it.

What it says are the :data:`ATTACKS`: as the names of things, as reason phrases, headers, bodies and metrics. Any of
their scripts that runs sets ``window.pwned``; what they would fetch is at a port of loopback where nothing listens.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from tests.support.child import ChildServer, serve

CANARY = "pwned"
"""The property of ``window`` that every attack sets."""
NOWHERE = "http://127.0.0.1:9"

_RUN = f"window.{CANARY}=1"
ATTACKS = (
    f"<script>{_RUN}</script>",
    f'<img src=x onerror="{_RUN}">',
    f'"><svg onload={_RUN}>',
    f"'><body onload={_RUN}><details open ontoggle={_RUN}>",
    f"' onmouseover={_RUN} autofocus onfocus={_RUN} style='animation:x' onanimationstart={_RUN} '",
    f"javascript:{_RUN}",
    f"</script><script>{_RUN}</script>",
    "<!--<script>",
    "\u202eturned",
    f"</style></title></textarea></template><script>{_RUN}</script>",
    f"]]></text></svg><foreignObject><iframe srcdoc='<script>top.{CANARY}=1</script>'></iframe>",
    f"&lt;script&gt;{_RUN}&lt;/script&gt;&#60;img src=x onerror={_RUN}&#62;",
    f"{{{{ 7*7 }}}}${{{_RUN}}}{{% raw %}}#{{{_RUN}}}",
    f'";{_RUN};//',
    f"';{_RUN};//`+({_RUN})+`\\",
    f"a'].b + (window['{CANARY}']=1) + datum['a",
    f"\u2028{_RUN}//\u2029",
    "\u202elmth.eciovni\u202c \u2066<\u2069\u200b\ufeff",
    "__proto__",
    "constructor",
    f"<base href={NOWHERE}/><link rel=stylesheet href={NOWHERE}/style.css><img src={NOWHERE}/image.png>",
    f"<meta http-equiv=refresh content='0;url={NOWHERE}/away'><form action={NOWHERE}/><button autofocus>",
    f"url({NOWHERE}/font.woff) @import '{NOWHERE}/style.css'; }} * {{ background: url({NOWHERE}/x) }}",
)

USERS = '''\
"""Asks for everything, and names it as the service says."""

from locust import HttpUser, constant, task


class Repeater(HttpUser):
    wait_time = constant(0.02)

    @task
    def repeat(self):
        for number, name in enumerate(self.client.get("/names", name="/names").json()):
            self.client.get(f"/refused/{number}", name=name)
            self.client.get(f"/away/{number}", name=name, allow_redirects=True)
            with self.client.get(f"/said/{number}", name=name, catch_response=True) as response:
                response.failure(response.text)
        raise ValueError(response.text)
'''


class HostileService(ChildServer):
    """The test's side: start it, end it."""

    module = "tests.support.hostile"


def hostile_plan(folder: Path, url: str, *, about_s: int = 2) -> dict[str, Any]:
    """A plan for the service, whose own words are attacks too; its locustfile is written to the folder.

    Scenarios and roles cannot be named so: such a plan is refused. It ends when all has been said, which takes about so
    long on a machine that has nothing else to do.
    """
    (folder / "users.py").write_text(USERS, encoding="utf-8")
    attacks = [attack.replace("${", "$${") for attack in ATTACKS]  # so that a plan takes it as it is
    everything = " ".join(attacks)
    declared = [
        {"path": f"/refused/{number}", "name": attack} for number, attack in enumerate(attacks) if "{%" not in attack
    ]
    return {
        "name": ATTACKS[0],
        "base_url": url,
        "reporting": {"title": ATTACKS[2], "formats": ["html"]},
        "monitors": [{"prometheus": "/metrics", "every": "500ms"}],
        "scenarios": {
            "said": {
                "description": everything,
                "locustfile": "users.py", "users": 2, "spawn_rate": 10, "iterations": 2 * about_s,
                "thresholds": [f"GET {attack} p95 < 60s" for attack in attacks],
            },
            "declared": {
                "description": everything,
                "users": 2, "iterations": 80 * about_s, "wait_time": 0.02, "endpoints": declared,
                "headers": {"X-Attack": quote(everything)},
            },
        },
    }  # fmt: skip


def _page_of_metrics(attacks: Sequence[str]) -> bytes:
    lines = ["# TYPE pool gauge"]
    for number, attack in enumerate(attacks):
        value = attack.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines.append(f'pool{{said="{value}"}} {number}')
    return ("\n".join(lines) + "\n").encode()


def _serve() -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536

        def do_GET(self) -> None:
            way, _, number = self.path.strip("/").partition("/")
            attack = (ATTACKS[int(number)] if number.isdecimal() else unquote(self.path)).encode()
            if way == "names":
                self._answer(b"200 OK", json.dumps(ATTACKS).encode())
            elif way == "metrics":
                self._answer(b"200 OK", _page_of_metrics(ATTACKS))
            elif way == "away" and number.isdecimal():
                self._answer(b"302 Found", attack, b"Location: " + attack)
            else:
                self._answer((b"500 " if way == "refused" else b"200 ") + attack, attack)

        def _answer(self, status: bytes, body: bytes, *headers: bytes) -> None:
            hostile = [b"X-Attack: " + attack.encode() for attack in ATTACKS]
            length = b"Content-Length: %d" % len(body)
            head = [b"HTTP/1.1 " + status, b"Content-Type: text/html; charset=utf-8", length, *hostile, *headers]
            self.wfile.write(b"\r\n".join(head) + b"\r\n\r\n" + body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    serve(Handler)


if __name__ == "__main__":
    _serve()
