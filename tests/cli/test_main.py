"""The command line as users meet it: help, mistakes, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.cli import command, loadworthy, only_run, summary_of, write_plan

from loadworthy.cli.addresses import parse_address
from loadworthy.cli.main import VERBS
from loadworthy.errors import UsageError
from loadworthy.testing import CountingServer, Delay, Route


def test_help_lists_every_command_with_examples(tmp_path: Path) -> None:
    """``--help`` names the verbs, the exit codes and examples; without a verb it is printed too, with exit code 2."""
    done = loadworthy("--help", cwd=tmp_path)
    assert done.code == 0
    assert all(verb in done.out for verb in VERBS)
    assert "exit codes" in done.out
    assert "examples:" in done.out
    assert loadworthy(cwd=tmp_path).code == 2


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(tmp_path: Path, verb: str) -> None:
    """Each verb's help has an example that begins with the command."""
    done = loadworthy(verb, "--help", cwd=tmp_path)
    assert done.code == 0
    assert "example" in done.out
    assert f"loadworthy {verb}" in done.out


def test_help_loads_nothing_heavy() -> None:
    """The help must come at once: no engine, no numbers, no models are imported for it."""
    probe = (
        "import sys\nfrom loadworthy.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('locust', 'gevent', 'numpy', 'pydantic', 'rich', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_importing_the_package_has_no_effect() -> None:
    """``import loadworthy`` loads nothing but itself, and ``loadworthy.users`` only what is asked for."""
    probe = "import sys, loadworthy, loadworthy.users\nprint('locust' in sys.modules, 'gevent' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run"], "PLAN|LOCUSTFILE"),
        (["run", "gone.yaml"], "no such file"),
        (["run", "gone.py"], "gone.py"),
        (["run", "plan.yaml", "--processes", "none"], "--processes"),
        (["run", "plan.yaml", "--users", "many"], "--users many"),
        (["run", "plan.yaml", "--run-time", "soon"], "--run-time soon"),
        (["run", "plan.yaml", "--set", "scenarios.load.usres=3"], "users"),
        (["run", "plan.yaml", "--scenario", "laod"], "load"),
        (["run", "plan.yaml", "--url", "ftp://x"], "--url"),
        (["run", "plan.yaml", "--bind", "host:port:x"], "address"),
        (["report", "."], "not a run directory"),
        (["report", "gone"], "not a run directory"),
        (["worker", "--join", "::::"], "address"),
        (["report", "x", "--", "y"], "locustfile"),
        (["frobnicate"], "invalid choice"),
    ],
)
def test_mistakes_are_answered_with_a_sentence_and_exit_code_2(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    """What is wrong, and no traceback; nothing was run."""
    write_plan(tmp_path, {"base_url": "http://127.0.0.1:9", "scenarios": {"load": {"endpoints": [{"path": "/"}]}}})
    done = loadworthy(*arguments, cwd=tmp_path)
    assert done.code == 2, done.out + done.err
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("runs/*"))


def test_a_broken_plan_shows_all_its_mistakes(tmp_path: Path) -> None:
    """Each with file, line and remedy, through the whole command line."""
    (tmp_path / "plan.yaml").write_text("base_url: http://h\nscenarios:\n  load:\n    usres: 3\n    run_time: soon\n")
    done = loadworthy("run", "plan.yaml", cwd=tmp_path)
    assert done.code == 2
    assert "plan.yaml:4" in done.err
    assert "plan.yaml:5" in done.err
    assert "did you mean" in done.err


@pytest.mark.parametrize(
    ("thresholds", "failure_share", "code", "verdict"),
    [
        (["p50 < 10s", "error_rate < 1%"], 0.0, 0, "pass"),
        (["error_rate < 1%"], 0.4, 1, "fail"),
        (["p99.9 < 10s"], 0.0, 3, "undecided"),
        ({"response_time_p95": 10_000, "error_rate": 0.01, "throughput": 1}, 0.0, 0, "pass"),
    ],
)
def test_exit_codes_follow_the_verdict(
    tmp_path: Path, thresholds: object, failure_share: float, code: int, verdict: str
) -> None:
    """Pass 0, fail 1, undecided 3: in the process, in summary.json and in the last line of the terminal alike."""
    with CountingServer((Route("*", failure_share=failure_share),)) as server:
        scenario = {"users": 3, "iterations": 300, "endpoints": [{"path": "/"}], "thresholds": thresholds}
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": scenario}})
        done = loadworthy("run", plan, cwd=tmp_path, reports=True)
    assert done.code == code, done.out + done.err
    summary = summary_of(only_run(tmp_path))
    assert (summary["verdict"], summary["exit_code"]) == (verdict, code)
    assert verdict.upper() in done.out
    assert "report.html" in done.out


def test_a_dead_target_is_a_failed_run_and_not_a_crash(tmp_path: Path) -> None:
    """Nobody listens: every attempt is a sample of kind connect, and the verdict is fail."""
    scenario = {"users": 2, "iterations": 20, "endpoints": [{"path": "/"}]}
    plan = write_plan(tmp_path, {"base_url": "http://127.0.0.1:9", "scenarios": {"load": scenario}})
    done = loadworthy("run", plan, "--no-preflight", cwd=tmp_path, reports=True)
    assert done.code == 1, done.out + done.err
    assert summary_of(only_run(tmp_path))["scenarios"]["load"]["failure_kinds"] == {"connect": 20}


def test_options_replace_what_the_plan_says(tmp_path: Path) -> None:
    """``--url --users --run-time --set --seed --scenario --out`` all arrive."""
    with CountingServer((Route("*", delay=Delay.fixed(5)),)) as server:
        # Done when all are made: a second more or less is no matter, and without a p99 the generator is none, either.
        load = {"users": 1, "run_time": "1h", "iterations": 200}
        scenarios = {name: {**load, "endpoints": [{"path": f"/{name}"}]} for name in ("a", "b")}
        plan = write_plan(tmp_path, {"base_url": "http://127.0.0.1:9", "scenarios": scenarios})
        done = loadworthy(
            "run", plan, "--url", server.url, "--users", 4, "--spawn-rate", 100, "--run-time", "10m", "--scenario", "b",
            "--seed", 9, "--set", "scenarios.b.description=changed", "--out", tmp_path / "elsewhere", cwd=tmp_path,
        )  # fmt: skip
        targets = {exchange.target for exchange in server.log()}
        connections = server.stats().connections
    assert done.code == 0, done.out + done.err
    assert targets == {"/b"}
    assert connections == 4 + 1  # one for each user, and the pre-flight's
    (run,) = (tmp_path / "elsewhere").iterdir()
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert (manifest["seed"], manifest["planned_duration_s"]) == (9, 600.0)
    assert manifest["plan"]["scenarios"]["b"]["description"] == "changed"


def test_the_schema_is_json(tmp_path: Path) -> None:
    """``loadworthy schema`` prints one JSON document."""
    done = loadworthy("schema", cwd=tmp_path)
    assert done.code == 0
    assert "scenarios" in json.loads(done.out)["properties"]


def test_a_reader_that_goes_away_is_no_error_message(tmp_path: Path) -> None:
    """``loadworthy schema | head -1`` ends quietly."""
    script = f"{sys.executable} -m loadworthy schema | head -1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_version_is_the_packages(tmp_path: Path) -> None:
    """One version, in the package and on the command line."""
    import loadworthy as package

    assert loadworthy("--version", cwd=tmp_path).out.strip() == f"loadworthy {package.__version__}"
    assert command("-c", "import loadworthy; print(loadworthy.__version__)", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("text", "address"),
    [("host", ("host", 5557)), ("host:1", ("host", 1)), ("[::1]:7", ("::1", 7)), ("[::1]", ("::1", 5557))],
)
def test_addresses_have_a_default_port(text: str, address: tuple[str, int]) -> None:
    """HOST, HOST:PORT and bracketed IPv6."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ":1", "host:", "host:70000", "host:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """The message says how to write one."""
    with pytest.raises(UsageError, match="HOST"):
        parse_address(text)


@pytest.mark.parametrize("outlet", ["| head -1", ">/dev/full"])
def test_a_run_whose_output_goes_nowhere_is_measured_to_its_end(tmp_path: Path, outlet: str) -> None:
    """A reader that leaves and a disk that is full are no reason to lose a run: reports and exit code are as ever."""
    with CountingServer() as server:
        scenario = {"users": 2, "iterations": 200, "wait_time": "5ms", "endpoints": [{"path": "/"}]}
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": scenario}})
        script = f"{{ {sys.executable} -m loadworthy run {plan}; echo $? >code; }} {outlet}"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
        requests = len(server.log())
    assert (tmp_path / "code").read_text().strip() == "0"
    assert "Traceback" not in done.stderr
    assert summary_of(only_run(tmp_path))["scenarios"]["load"]["requests"] == requests
    assert (only_run(tmp_path) / "report.html").exists()


def test_a_target_that_is_down_passes_nothing(tmp_path: Path) -> None:
    """Refused connections are quick, and no answer: a latency target alone must not be met by them."""
    scenario = {"users": 2, "iterations": 200, "endpoints": [{"path": "/"}], "thresholds": ["p95 < 500ms"]}
    plan = write_plan(tmp_path, {"base_url": "http://127.0.0.1:9", "scenarios": {"load": scenario}})
    assert loadworthy("run", plan, "--no-preflight", cwd=tmp_path).code == 1


def test_what_has_no_effect_yet_is_said(tmp_path: Path) -> None:
    """Nobody shall wait for a report that this version does not make."""
    more = {"reporting": {"formats": ["pdf"]}, "locust": {"loglevel": "DEBUG"}}
    scenario = {"iterations": 1, "endpoints": [{"path": "/"}]}
    plan = write_plan(tmp_path, {"base_url": "http://127.0.0.1:9", **more, "scenarios": {"load": scenario}})
    done = loadworthy("run", plan, "--no-preflight", cwd=tmp_path, reports=True)
    assert "without effect in this version: locust.loglevel, reporting.formats" in done.out
