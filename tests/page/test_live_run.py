"""``loadworthy run --ui`` as a process: a page that looks at real runs, and leads them."""

from __future__ import annotations

import io
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.page.looking import Looking
from tests.support.cli import Started, only_run, summary_of, write_plan

from loadworthy.testing import CountingServer, Delay, Route

Json = dict[str, Any]
ROUTES = (Route("/items", body_bytes=300, delay=Delay.fixed(2)), Route("/broken", status=500))
STEPS = [{"path": "/items", "weight": 4}, {"path": "/broken"}]
FIGURES = ("requests", "failures", "error_rate", "throughput", "response_time_ms", "failure_kinds", "users_max")


@pytest.fixture(scope="module")
def target() -> Iterator[CountingServer]:
    """The service under load."""
    with CountingServer(ROUTES) as server:
        yield server


def scenario(**more: Any) -> Json:
    """A few users that never stop by themselves, unless said otherwise.

    The limit on times is so far away that a machine that stands still for a while is no reason to judge nothing.
    """
    return {
        "users": 4, "wait_time": "5ms", "endpoints": STEPS, "thresholds": ["p95 < 60s", "error_rate < 1%"], **more,
    }  # fmt: skip


def plan(folder: Path, target: CountingServer, **scenarios: Json) -> Path:
    """A plan file."""
    return write_plan(folder, {"base_url": target.url, "seed": 3, "scenarios": scenarios})


def address(started: Started) -> str:
    """What it prints first."""
    line = started.lines().readline()
    assert line.startswith("live page: http://"), line + started.lines().read()
    return line.partition(": ")[2].strip()


def to_the_end(started: Started, *pages: Looking) -> list[Json]:
    """What each page knows when the run has ended, and the server with it.

    Ctrl-C ends that, and not the run's end: a page that comes late would find nobody.
    """
    for page in pages:
        page.until_state("ended")
    started.send(signal.SIGINT)
    return [page.to_the_end() for page in pages]


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_page_follows_a_run_to_its_end(tmp_path: Path, target: CountingServer, processes: int) -> None:
    """Its figures, its rows and its lights are in the end those that ``summary.json`` has; with workers, too."""
    path = plan(tmp_path, target, load=scenario(run_time="3s"), more=scenario(rate="60/s", users=None, run_time="2s"))
    with Started("run", path, "--ui", "--ui-port", 0, "--processes", processes, cwd=tmp_path) as started:
        with Looking(address(started)) as page:
            (known,) = to_the_end(started, page)
        code, _ = started.finish()
    run = only_run(tmp_path)
    summary = summary_of(run)
    assert code == summary["exit_code"]
    assert (known["run"]["state"], known["run"]["run"]) == ("ended", run.name)
    assert known["run"]["verdict"] == summary["verdict"]
    assert summary["verdict"] in ("fail", "invalid")  # a machine that is busy elsewhere may be late with arrivals
    assert known["run"]["reasons"] == summary["reasons"]
    for name, judged in summary["scenarios"].items():
        shown = known["scenarios"][name]
        assert {key: shown["figures"][key] for key in FIGURES} == {key: judged[key] for key in FIGURES}
        assert [one["verdict"] for one in shown["thresholds"]] == [one["verdict"] for one in judged["thresholds"]]
        rows = shown["timeline"]["timeline"]
        assert rows["at_ms"] == sorted(set(rows["at_ms"]))
        assert set(shown["timeline"]["kinds"]["kind"]) == set(judged["failure_kinds"])
    users = known["scenarios"]["load"]["timeline"]["timeline"]["users"]  # None where the machine stood still
    assert max(filter(None, users)) == summary["scenarios"]["load"]["users_max"] == 4
    assert page.kinds[0] == "whole"
    assert "change" in page.kinds


def test_it_is_led_from_the_page(tmp_path: Path, target: CountingServer) -> None:
    """Changed while it goes on, stopped, started again; every run has a directory, and all of it can be downloaded."""
    path = plan(tmp_path, target, load=scenario())
    command = ("run", path, "--ui", "--ui-port", 0)
    with Started(*command, cwd=tmp_path, reports=True) as started, Looking(address(started)) as page:
        page.until(lambda known: known["scenarios"]["load"].get("figures", {}).get("requests", 0) > 100)
        assert page.post("start").status_code == 409
        assert "in a moment: load" in page.post("load", factor=2).json()["message"]
        assert page.post("load", factor=1000).status_code == 409
        page.until(lambda known: known["scenarios"]["load"]["state"]["factor"] == 2)
        page.until(lambda known: known["scenarios"]["load"]["figures"]["users_max"] == 8)
        assert page.get("download/run.json").json()["ended"] is None
        assert page.post("stop").json()["ok"]
        known = page.until_state("ended")
        first = known["run"]["run"]
        assert known["run"]["verdict"] == "fail"
        assert page.get("download/run.json").json()["ended_reason"] == "stopped from the live page"
        with zipfile.ZipFile(io.BytesIO(page.get("download/run.zip").content)) as archive:
            assert archive.testzip() is None
            assert {f"{first}/summary.json", f"{first}/report.html"} <= set(archive.namelist())
        assert page.get("report").headers["Content-Security-Policy"].endswith("sandbox allow-scripts allow-downloads")
        assert page.post("stop").status_code == 409
        assert page.post("load", factor=2).status_code == 409

        assert page.post("start").json()["ok"]
        known = page.until(
            lambda known: known["run"]["run"] not in (first, None) and known["run"]["state"] == "running"
        )
        known = page.until(lambda known: "figures" in known["scenarios"]["load"])
        assert known["scenarios"]["load"]["state"]["factor"] == 1
        started.send(signal.SIGINT)  # the run is stopped, and the page stays
        second = page.until_state("ended")["run"]["run"]
        started.send(signal.SIGINT)  # nothing is under way: the page ends
        page.to_the_end()
        code, _ = started.finish()
    assert code == 130
    assert {one.name for one in (tmp_path / "runs").iterdir()} == {first, second}
    assert summary_of(tmp_path / "runs" / first)["scenarios"]["load"]["users_max"] == 8


def test_locusts_own_page_shows_the_same_run(tmp_path: Path, target: CountingServer) -> None:
    """Its figures are those of the run, its Stop is ours, and it links to our page."""
    path = plan(tmp_path, target, load=scenario())
    with Started("run", path, "--ui", "--ui-port", 0, "--autoquit", 0, cwd=tmp_path) as started:
        with Looking(address(started)) as page:
            page.until(lambda known: known["scenarios"]["load"].get("figures", {}).get("requests", 0) > 100)
            root = page.url.removesuffix("loadworthy/")  # each second it gets what ours gets, and before it
            shown = page.session.get(f"{root}stats/requests", timeout=30).json()
            assert shown["stats"][-1]["num_requests"] > 100
            assert shown["state"] in ("spawning", "running")
            assert "./loadworthy/" in page.session.get(root, timeout=30).text
            refused = page.session.post(f"{root}swarm", data={"user_count": 1, "spawn_rate": 1}, timeout=30).json()
            assert (refused["success"], "under way" in refused["message"]) == (False, True)
            assert page.session.post(f"{root}stop", timeout=30).json()["success"]
            page.to_the_end()
        code, _ = started.finish()
    assert code == 130


def test_elsewhere_than_on_loopback_it_needs_its_token(tmp_path: Path, target: CountingServer) -> None:
    """What is printed opens it; without that nothing is told, on either page."""
    path = plan(tmp_path, target, load=scenario())
    options = ("--ui", "--ui-host", "0.0.0.0", "--ui-port", 0, "--autoquit", 0)
    with Started("run", path, *options, cwd=tmp_path) as started:
        _, _, rest = address(started).partition("://")
        port, token = rest.partition("/")[0].rpartition(":")[2], rest.partition("?token=")[2]
        root = f"http://127.0.0.1:{port}"
        for way in ("/", "/loadworthy/", "/loadworthy/events", "/stats/requests", "/assets/x"):
            assert requests.get(f"{root}{way}", timeout=30).status_code == 401, way
        assert requests.post(f"{root}/stop", timeout=30).status_code == 401
        with requests.Session() as session:
            opened = session.get(f"{root}/loadworthy/?token={token}", timeout=30)
            assert (opened.status_code, "token" in opened.url) == (200, False)
            with session.get(f"{root}/loadworthy/events", stream=True, timeout=30) as told:
                assert next(line for line in told.iter_lines() if b'"running"' in line)  # from then on there is a run
            assert session.get(f"{root}/loadworthy/download/run.json", timeout=30).status_code == 200
        bearer = {"Authorization": f"Bearer {token}", "X-Loadworthy": "1"}
        assert requests.post(f"{root}/loadworthy/stop", headers=bearer, timeout=30).json()["ok"]
        code, out = started.finish()
    assert code == 130
    assert token not in out


def test_a_target_that_is_not_there_is_told_on_the_page(tmp_path: Path, target: CountingServer) -> None:
    """The page stays, so that the run can be started when the target is; its exit code is that of the last run."""
    path = write_plan(tmp_path, {"base_url": "http://127.0.0.1:9", "scenarios": {"load": scenario(run_time="1s")}})
    with Started("run", path, "--ui", "--ui-port", 0, cwd=tmp_path) as started, Looking(address(started)) as page:
        known = page.until_state("failed")
        assert "nothing listens at http://127.0.0.1:9" in known["run"]["why"]
        started.send(signal.SIGTERM)
        page.to_the_end()
        code, out = started.finish()
    assert code == 2
    assert "loadworthy: nothing listens" in out


def test_names_of_a_hostile_target_stay_data(tmp_path: Path) -> None:
    """What the target and the plan call things comes as JSON, and is no line of the protocol."""
    name = "</script><img src=x onerror=alert(1)>\r\n\r\nevent: whole\r\ndata: {}\u2028"
    with CountingServer((Route("*", status=500),)) as server:
        path = plan(tmp_path, server, load=scenario(endpoints=[{"path": "/", "name": name}]))
        with Started("run", path, "--ui", "--ui-port", 0, "--autoquit", 0, cwd=tmp_path) as started:
            with Looking(address(started)) as page:
                page.until(lambda known: known["scenarios"]["load"].get("series", {}).get("rows"))
                assert page.post("stop").json()["ok"]
                known = page.to_the_end()
            started.finish()
    (row,) = known["scenarios"]["load"]["series"]["rows"]
    assert row[0].startswith("GET </script><img")
    assert set(page.kinds) == {"whole", "change"}


def test_several_pages_look_at_once(tmp_path: Path, target: CountingServer) -> None:
    """Whoever comes later knows the same in the end."""
    path = plan(tmp_path, target, load=scenario())
    with Started("run", path, "--ui", "--ui-port", 0, "--autoquit", 0, cwd=tmp_path) as started:
        url = address(started)
        with Looking(url) as first:
            first.until(lambda known: known["scenarios"]["load"].get("figures", {}).get("requests", 0) > 0)
            with Looking(url) as second:
                second.until_state("running")
                assert second.post("stop").json()["ok"]
                ends = [first.to_the_end(), second.to_the_end()]
        started.finish()
    for known in ends:
        for _, after in (("timeline", "after_ms"), ("kinds", "kinds_after_ms")):
            known["scenarios"]["load"]["timeline"].pop(after)
    assert ends[0] == ends[1]
