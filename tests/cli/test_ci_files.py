"""The CI jobs that ``loadworthy init`` writes: their scripts are run in order, with a server and stand-ins."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.ci import Ci

from loadworthy import __version__
from loadworthy.cli.init_files import GITHUB_FILE, GITLAB_FILE, Answers, rendered
from loadworthy.testing.counting import CountingServer
from loadworthy.testing.routes import Delay, Route

MAIN = {"event_name": "push", "ref_name": "main", "event": {"repository": {"default_branch": "main"}}}
PULL = {
    **MAIN,
    "event_name": "pull_request",
    "ref_name": "7/merge",
    "event": {"pull_request": {"number": 7}, "repository": {"default_branch": "main"}},
    "token": "t0p-secret",
    "repository": "me/shop",
    "server_url": "https://github.example",
    "run_id": "99",
}
COMMENTS = "repos/me/shop/issues/7/comments"
GITLAB = {"CI_DEFAULT_BRANCH": "main", "CI_JOB_URL": "https://gitlab.example/jobs/5"}
MERGE = {
    **GITLAB,
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_API_V4_URL": "https://gitlab.example/api/v4",
    "CI_PROJECT_ID": "12",
    "LOADWORTHY_TOKEN": "t0p-secret",
}
PLAN = {
    "base_url": "${BASE_URL}",
    "reporting": {"formats": []},
    "scenarios": {"load": {"users": 4, "iterations": 120, "thresholds": ["p95 < 10s"], "endpoints": [{"path": "/"}]}},
}


def _written(ci: str, name: str) -> Any:
    return yaml.safe_load(rendered(Answers("http://localhost:8000", ("/",), "500ms", ci))[name])


@pytest.fixture(scope="module")
def github() -> Any:
    """The workflow."""
    return _written("github", GITHUB_FILE)


@pytest.fixture(scope="module")
def gitlab() -> Any:
    """The job."""
    return _written("gitlab", GITLAB_FILE)["performance"]


def _step(workflow: Any, name: str) -> str:
    (script,) = (step["run"] for step in workflow["jobs"]["performance"]["steps"] if step.get("name") == name)
    return str(script)


def test_every_script_is_bash_and_every_action_has_a_version(github: Any, gitlab: Any) -> None:
    """Least permissions, actions by their major version, strict scripts, and no expression of GitHub's within one."""
    steps = github["jobs"]["performance"]["steps"]
    scripts = [step["run"] for step in steps if "run" in step]
    for script in (*scripts, *gitlab["script"], "\n".join(gitlab["script"])):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert all(script.startswith("set -euo pipefail\n") for script in scripts)
    assert not any("${{" in script for script in scripts)
    assert "set -euo pipefail\n" in gitlab["script"][1]
    assert all(step["uses"].split("@v")[1].isdigit() for step in steps if "uses" in step)
    assert github["permissions"] == {"contents": "read"}
    assert github["jobs"]["performance"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    ours = _step(github, "Comment on the pull request")
    assert '.user.login == "github-actions[bot]" and (.body | contains("<!-- loadworthy -->"))' in ours  # nobody else's
    assert set(github[True]) == {"pull_request", "push", "workflow_dispatch"}  # YAML 1.1 takes `on` for true


def test_a_service_that_was_not_started_is_told(tmp_path: Path, github: Any, gitlab: Any) -> None:
    """The first job of somebody who has not filled in how it is started ends with that, not with a code of curl's."""
    ci = Ci.in_folder(tmp_path)
    (ci.fakes / "curl").write_text("#!/bin/bash\nexit 7\n")
    for script in (_step(github, "Start the service"), gitlab["script"][1]):
        done = ci.bash(script, {"BASE_URL": "http://localhost:8000"})
        assert (done.returncode, "Nothing answers at http://localhost:8000; is the service" in done.stdout) == (2, True)


_VERDICTS = [
    ("0", "0", "warn", 0), ("0", "", "warn", 0), ("1", "0", "warn", 1), ("4", "0", "warn", 4), ("2", "0", "warn", 2),
    ("130", "0", "warn", 130), ("0", "1", "warn", 1), ("0", "2", "warn", 0), ("3", "0", "warn", 0),
    ("0", "3", "warn", 0), ("3", "1", "warn", 1), ("3", "0", "fail", 1), ("0", "3", "fail", 1),
]  # fmt: skip


@pytest.mark.parametrize(("run", "compare", "undecided", "code"), _VERDICTS)
def test_the_exit_code_is_the_runs_and_then_the_comparisons(
    tmp_path: Path, github: Any, gitlab: Any, run: str, compare: str, undecided: str, code: int
) -> None:
    """Undecided is a warning, or fails where that is chosen; a comparison that could not be made fails nothing.

    At GitLab a warning is exit code 3, which the job is allowed to fail with.
    """
    ci = Ci.in_folder(tmp_path)
    variables = {"UNDECIDED": undecided, "RUN_CODE": run} | ({"COMPARE_CODE": compare} if compare else {})
    done = ci.bash(_step(github, "Verdict"), variables)
    assert done.returncode == code, done.stdout
    is_open = "3" in (run, compare) and code == 0
    assert ("::error::" in done.stdout) is (code != 0)
    assert ("::warning::" in done.stdout) is ((undecided == "warn" and "3" in (run, compare)) or compare == "2")

    lower = {"run_code": run, "compare_code": compare or "0", "UNDECIDED": undecided}
    done = ci.bash(gitlab["script"][-1], lower)
    assert done.returncode == (3 if is_open else code), done.stdout
    assert gitlab["allow_failure"] == {"exit_codes": [3]}


def test_a_baseline_keeps_the_last_runs(tmp_path: Path, github: Any, gitlab: Any) -> None:
    """Those that passed or are undecided; of each what a comparison reads."""
    ci = Ci.in_folder(tmp_path)
    (script,) = (part for part in gitlab["script"] if "mkdir -p" in part)
    for number in range(1, 6):
        run = f"runs/2026-11-0{number}-load"
        (ci.folder / run).mkdir(parents=True)
        for name in ("run.json", "intervals.jsonl", "report.html"):
            (ci.folder / run / name).touch()
        code = "1" if number == 4 else "0"
        done = ci.bash(_step(github, "Add the run to the baseline"), {"RUN": run, "RUN_CODE": code, "KEEP": "3"})
        assert done.returncode == 0, done.stderr
        theirs = {"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "run": run, "run_code": code, "KEEP": "3"}
        assert ci.bash(script, theirs).returncode == 0
    kept = sorted(path.name for path in (ci.folder / "baseline").iterdir())
    assert kept == ["2026-11-02-load", "2026-11-03-load", "2026-11-05-load"]
    assert sorted(path.name for path in (ci.folder / "baseline" / kept[0]).iterdir()) == ["intervals.jsonl", "run.json"]


_UNDECIDED = """#!/bin/bash
if [ "$1" = run ]; then
  folder="runs/$(ls "$FAKES/cache/baseline" 2>/dev/null | wc -l)-load"
  mkdir -p "$folder"
  touch "$folder/run.json" "$folder/intervals.jsonl"
elif [ "$1" = compare ]; then
  exit 3
fi
"""


def test_the_baseline_grows_where_a_comparison_is_undecided(tmp_path: Path, gitlab: Any) -> None:
    """As it is with one run: were only good jobs to keep it, there would never be a second. Merge requests add none."""
    ci = Ci.in_folder(tmp_path)
    (ci.fakes / "loadworthy").write_text(_UNDECIDED)
    codes = []
    for _ in range(3):
        codes.append(ci.gitlab(gitlab, CI_COMMIT_BRANCH="main", **GITLAB)[0])
        ci.forget()
    assert codes == [0, 3, 3]
    assert ci.gitlab(gitlab, **MERGE)[0] == 3
    kept = ["0-load", "1-load", "2-load"]
    assert sorted(path.name for path in (ci.fakes / "cache" / "baseline").iterdir()) == kept


def _plan(ci: Ci, *thresholds: str) -> None:
    plan = json.loads(json.dumps(PLAN))
    if thresholds:
        plan["scenarios"]["load"]["thresholds"] = list(thresholds)
    (ci.folder / "plan.yaml").write_text(yaml.safe_dump(plan))


@pytest.mark.slow
def test_the_github_job_from_push_to_pull_request(tmp_path: Path, github: Any) -> None:
    """The default branch makes the baseline; a pull request is compared, told, and fails where a target is missed."""
    ci = Ci.in_folder(tmp_path)
    with CountingServer((Route("*", delay=Delay.fixed(2)),)) as server:
        url = server.url
        _plan(ci)
        code, printed = ci.github(github, MAIN, BASE_URL=url)
        assert code == 0, printed
        assert ci.said("pip.log") == f"install loadworthy=={__version__}\n"
        assert ci.said("gh.log") == ""
        assert "PASS" in ci.said("GITHUB_STEP_SUMMARY").upper()
        (kept,) = (ci.folder / "baseline").iterdir()
        assert {"run.json", "intervals.jsonl"} <= {path.name for path in kept.iterdir()}

        ci.forget()
        code, printed = ci.github(github, PULL, BASE_URL=url)
        assert code == 0, printed
        assert ci.said("gh.log").splitlines()[1:] == [f"api --silent --method POST {COMMENTS} --field body=@note.md"]
        report = (ci.folder / "report.md").read_text(encoding="utf-8")
        assert report == ci.said("GITHUB_STEP_SUMMARY")
        assert ci.said("comment.md") == f"{report}\n<!-- loadworthy -->\n"
        assert "https://github.example/me/shop/actions/runs/99" in report
        assert kept.name in report  # compared with it
        assert [path.name for path in (ci.folder / "baseline").iterdir()] == [kept.name]

        ci.forget()
        _plan(ci, "p95 < 1ms")
        (ci.fakes / "comments").write_text("30\n31\n")
        code, printed = ci.github(github, PULL, BASE_URL=url)
        assert code == 1, printed
        assert "--method PATCH repos/me/shop/issues/comments/31 --field" in ci.said("gh.log")
        assert "FAIL" in ci.said("comment.md").upper()
        assert "::error::The run failed" in printed
        assert "t0p-secret" not in printed

    ci.forget()
    (ci.folder / "report.md").touch()
    done = ci.bash(_step(github, "Comment on the pull request"), {"GH_REPO": "x", "PULL_REQUEST": "7", "GH_CODE": "1"})
    assert done.returncode == 0
    assert "::warning::The report could not be put on the pull request" in done.stdout

    ci.forget()
    code, printed = ci.github(github, PULL, BASE_URL=url)
    assert code == 2, printed
    assert ci.said("gh.log") == ""
    assert "There was no run" in printed


@pytest.mark.slow
def test_the_gitlab_job_from_push_to_merge_request(tmp_path: Path, gitlab: Any) -> None:
    """The same; its note is made once and then changed, and the token stands in no command line."""
    ci = Ci.in_folder(tmp_path)
    with CountingServer((Route("*", delay=Delay.fixed(2)),)) as server:
        url = server.url
        _plan(ci)
        code, printed = ci.gitlab(gitlab, BASE_URL=url, CI_COMMIT_BRANCH="main", **GITLAB)
        assert code == 0, printed
        assert "notes" not in ci.said("curl.log")
        (kept,) = (ci.folder / "baseline").iterdir()

        ci.forget()
        code, printed = ci.gitlab(gitlab, BASE_URL=url, **MERGE)
        assert code in (0, 3), printed  # one run a side decides nothing
        report = (ci.folder / "report.md").read_text(encoding="utf-8")
        assert ci.said("comment.md") == f"{report}\n<!-- loadworthy -->\n"
        assert kept.name in report
        assert "--request POST" in ci.said("curl.log")
        assert "/projects/12/merge_requests/7/notes" in ci.said("curl.log")
        assert "PRIVATE-TOKEN: t0p-secret" in ci.said("headers")
        assert "t0p-secret" not in printed + ci.said("curl.log")

        ci.forget()
        _plan(ci, "p95 < 1ms")
        (ci.fakes / "notes.json").write_text('[{"id": 3, "body": "hi"}, {"id": 31, "body": "x\\n<!-- loadworthy -->"}]')
        code, printed = ci.gitlab(gitlab, BASE_URL=url, **MERGE)
        assert code == 1, printed
        assert "--request PUT" in ci.said("curl.log")
        assert ci.said("curl.log").rstrip().endswith("/notes/31")
        assert "FAIL" in ci.said("comment.md").upper()
        assert len(list((ci.folder / "baseline").iterdir())) == 1
