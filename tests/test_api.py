"""``loadworthy.api``: what the command line does, for scripts."""

from __future__ import annotations

import json
import os
import signal
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from loadworthy import api
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import ExitCode, PlanError, SetupError, UsageError
from loadworthy.record.interval import Interval
from loadworthy.testing import CountingServer
from tests.support.cli import Done, command
from tests.support.rowserver import RowServer

LOCUSTFILE = """
from locust import HttpUser, constant, events, task
import neighbour

class Visitor(HttpUser):
    wait_time = constant(0.001)

    @task
    def look(self):
        self.client.get("/")
"""
NEIGHBOUR = """
from locust import events

@events.test_start.add_listener
def begin(environment, **kwargs):
    with open("begun.txt", "a") as file:
        file.write("begun\\n")
"""


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plan_for(url: str, **scenario: Any) -> dict[str, Any]:
    """Its limits are far off: on a busy machine, too, the generator is not what decides."""
    load = {"iterations": 20, "endpoints": [{"path": "/"}], "thresholds": ["max < 1m", "error_rate <= 0%"], **scenario}
    return {"base_url": url, "scenarios": {"load": load}}


def run_quietly(plan: Any, **options: Any) -> api.RunResult:
    return api.run(plan, view=False, closing=False, **options)


def script(folder: Path, body: str, *arguments: object, environ: Mapping[str, str] | None = None) -> Done:
    """Run a script with this main function, as a process of its own."""
    head = "from pathlib import Path\nfrom loadworthy import api\nfrom loadworthy.errors import UsageError\n"
    main = f"def main():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    (folder / "suite.py").write_text(
        f"{head}{main}if __name__ == '__main__':\n    raise SystemExit(api.script(main))\n"
    )
    return command("suite.py", *arguments, cwd=folder, environ=environ)


class Watching:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.requests = 0
        self.ticks = 0

    def on_event(self, event: Mapping[str, Any]) -> None:
        self.events.append(event["type"])

    def on_interval(self, interval: Interval) -> None:
        self.requests += sum(series.requests for series in interval.series)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        self.ticks += 1


class Failing(Watching):
    def on_interval(self, interval: Interval) -> None:
        raise ValueError("not today")


def test_a_plan_made_in_code_is_run_and_judged(server: CountingServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The result is what the run directory says, and nothing is printed where nothing was asked for."""
    result = run_quietly(plan_for(server.url))
    assert len(server.log()) == 20
    assert result.exit_code is ExitCode.PASS
    assert result.summary.verdict is Verdict.PASS
    assert not result.interrupted
    assert result.path.parent == Path("runs")
    assert {path.name for path in result.files} >= {"summary.json", "report.html", "junit.xml"}
    assert json.loads((result.path / "summary.json").read_text())["exit_code"] == 0
    assert capsys.readouterr() == ("", "")


def test_judging_again_gives_the_same(server: CountingServer, capsys: pytest.CaptureFixture[str]) -> None:
    """From the directory alone, with the closing view or without."""
    result = run_quietly(plan_for(server.url))
    assert api.judge(result.path, closing=False) == result
    assert capsys.readouterr().out == ""
    assert api.judge(result.path) == result
    assert "PASS" in capsys.readouterr().out


def test_view_and_closing_view_are_those_of_the_command(
    server: CountingServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """By default a script shows what the command shows."""
    api.run(plan_for(server.url))
    out = capsys.readouterr().out
    assert "load: started" in out
    assert "PASS" in out


def test_options_arrive(server: CountingServer, tmp_path: Path) -> None:
    """Scenarios, overrides, output folder, seed, base folder, environment."""
    plan = {
        "base_url": "${TARGET}",
        "test_data": {"user": {"file": "users.csv"}},
        "scenarios": {name: {"iterations": 500, "endpoints": [{"path": f"/{name}/{{{{ user.name }}}}"}]}
                      for name in ("one", "two")},
    }  # fmt: skip
    (tmp_path / "data").mkdir()
    (tmp_path / "data/users.csv").write_text("name\nann\n")
    result = run_quietly(
        plan, base_dir=tmp_path / "data", scenarios=["two"], overrides={"scenarios.two.iterations": 7},
        out=tmp_path / "elsewhere", seed=5, environ={"TARGET": server.url},
    )  # fmt: skip
    assert Counter(exchange.target for exchange in server.log()) == {"/two/ann": 7}
    assert result.path.parent == tmp_path / "elsewhere"
    assert json.loads((result.path / "run.json").read_text())["seed"] == 5


def test_observers_are_told_beside_the_view(server: CountingServer) -> None:
    """Events, intervals and ticks; one that fails is a warning of the run, once, and the others are told all."""
    watching, failing = Watching(), Failing()
    result = run_quietly(
        plan_for(server.url, iterations=None, run_time="2500ms", users=2), observers=[failing, watching]
    )
    assert watching.requests == len(server.log()) > 0
    assert watching.ticks > 0
    assert {"scenario_started", "scenario_ended", "warning"} <= set(watching.events)
    assert failing.events == watching.events
    lines = (result.path / "events.jsonl").read_text().splitlines()
    warnings = [event["message"] for event in map(json.loads, lines) if event["type"] == "warning"]
    told = [one for one in warnings if not one.startswith("The generator's")]  # which on a busy machine it may say, too
    assert told == ["the observer Failing failed and may miss something: ValueError: not today"]
    assert result.exit_code is ExitCode.PASS


def test_runs_in_one_process_do_not_share_listeners(server: CountingServer, tmp_path: Path) -> None:
    """Each run hears the listeners of its own suite, neighbours' included, and each hears them once."""
    (tmp_path / "suite_of_two_runs.py").write_text(LOCUSTFILE)
    (tmp_path / "neighbour.py").write_text(NEIGHBOUR)
    overrides = {"base_url": server.url, "scenarios.suite_of_two_runs.iterations": 10}
    for _ in range(2):
        assert run_quietly(Path("suite_of_two_runs.py"), overrides=overrides).exit_code is ExitCode.PASS
    run_quietly(plan_for(server.url))
    assert (tmp_path / "begun.txt").read_text() == "begun\n" * 2


def test_processes_make_the_load(server: CountingServer) -> None:
    """Two workers, as with ``--processes 2``."""
    result = run_quietly(plan_for(server.url, users=4, iterations=40), processes=2)
    assert len(server.log()) == 40
    assert json.loads((result.path / "run.json").read_text())["processes"] == 2


def test_arguments_reach_the_locustfile(tmp_path: Path) -> None:
    """``--keep-data`` of a suite that cleans up after itself."""
    source = """
from locust import HttpUser, task
from loadworthy.users.cleanup import clean_up_after, created
clean_up_after()

class Clerk(HttpUser):
    @task
    def add(self):
        created(self, "DELETE", f"/contacts/{self.client.post('/contacts').json()['id']}")
"""
    (tmp_path / "keeping.py").write_text(source)
    with RowServer() as rows:
        overrides = {"base_url": rows.url, "scenarios.keeping.iterations": 5}
        run_quietly("keeping.py", overrides=overrides, arguments=["--keep-data"])
        assert len(rows.rows()["rows"]) == 5
        run_quietly("keeping.py", overrides=overrides)
        assert len(rows.rows()["rows"]) == 5


def test_mistakes_are_errors_of_the_package() -> None:
    """A script can catch them; nothing was run."""
    dead = plan_for("http://127.0.0.1:9")
    with pytest.raises(SetupError, match="nothing listens at"):
        run_quietly(dead)
    with pytest.raises(PlanError, match="usres"):
        run_quietly(plan_for("http://127.0.0.1:9", usres=3))
    with pytest.raises(PlanError, match=r"overrides\['scenarios\.laod\.users'\]"):
        run_quietly(dead, overrides={"scenarios.laod.users": 3})
    with pytest.raises(PlanError, match=r"key\.path=value"):
        run_quietly(dead, overrides={"": 3})
    with pytest.raises(UsageError, match="processes=0"):
        run_quietly(dead, processes=0)
    with pytest.raises(UsageError, match="base_dir"):
        run_quietly(Path("plan.yaml"), base_dir=Path())
    with pytest.raises(UsageError, match="no scenario"):
        run_quietly(dead, scenarios=["laod"])
    assert not Path("runs").exists()


def test_a_dead_target_can_be_loaded_all_the_same() -> None:
    """``preflight=False``, as ``--no-preflight``."""
    assert run_quietly(plan_for("http://127.0.0.1:9"), preflight=False).exit_code is ExitCode.FAIL


# --- script() ---


def test_importing_costs_nothing(tmp_path: Path) -> None:
    """Neither Locust nor the numerical libraries are loaded before a run."""
    heavy = "('locust', 'gevent', 'numpy', 'pydantic', 'rich')"
    done = command("-c", f"import sys, loadworthy.api; print([m for m in {heavy} if m in sys.modules])", cwd=tmp_path)
    assert done.out == "[]\n", done.err


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return 3", 3, ""),
        ("raise UsageError('give me a name')", 2, "suite.py: give me a name\n"),
        ("raise KeyboardInterrupt", 130, "suite.py: interrupted\n"),
        ("raise BrokenPipeError", 2, ""),
        ("open('gone.txt')", 2, "suite.py: [Errno 2] No such file or directory: 'gone.txt'\n"),
        ("api.run(Path('gone.yaml'))", 2, "suite.py: 1 problem in the plan:\ngone.yaml: there is no such file\n"),
        ("api.judge(Path('.'))", 2, "suite.py: . is not a run directory: it has no run.json\n"),
    ],
)
def test_a_script_ends_as_a_command_does(tmp_path: Path, body: str, code: int, said: str) -> None:
    """The exit code, one line with the script's name, and no traceback."""
    done = script(tmp_path, body)
    assert (done.code, done.err) == (code, said)


def test_a_bug_in_a_script_keeps_its_traceback(tmp_path: Path) -> None:
    """And does not end with 1, which would say that the service failed."""
    done = script(tmp_path, "return 1 / 0")
    assert done.code == 4
    assert "Traceback" in done.err
    assert "ZeroDivisionError" in done.err


def test_a_script_with_two_runs_ends_with_the_verdict(tmp_path: Path, server: CountingServer) -> None:
    """In a fresh process, where the first run imports Locust."""
    body = """
        import json, sys
        plan = json.loads(sys.argv[1])
        codes = [api.run(plan, closing=False, view=False).exit_code for _ in range(2)]
        print(*map(int, codes))
        return codes[-1]
    """
    done = script(tmp_path, body, json.dumps(plan_for(server.url)))
    assert (done.code, done.out) == (0, "0 0\n"), done.err


def test_the_wrong_order_of_imports_is_told(tmp_path: Path) -> None:
    """TLS in the script would recurse for ever otherwise."""
    done = script(
        tmp_path, "import requests\nreturn api.run({'scenarios': {'a': {'endpoints': [{'path': 'http://a/'}]}}})"
    )
    assert done.code == 2
    assert "import locust" in done.err
    assert "Traceback" not in done.err


def test_an_interrupted_run_says_so(server: CountingServer) -> None:
    """Ctrl-C ends the run and not the script, which learns of it."""

    class Interrupting(Watching):
        asked = False

        def on_interval(self, interval: Interval) -> None:
            if not self.asked:  # once: the first intervals may be so short that they have no request
                self.asked = True
                os.kill(os.getpid(), signal.SIGINT)
            super().on_interval(interval)

    result = run_quietly(plan_for(server.url, iterations=None, run_time="5m"), observers=[Interrupting()])
    assert result.interrupted
    assert result.exit_code is ExitCode.INTERRUPTED
