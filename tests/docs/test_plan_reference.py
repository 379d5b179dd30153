"""docs/plan.md and README.md against the code: examples that load, and tables that say what the code says."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from tests.support import runs

from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.verdict import Verdict, exit_code_of
from loadworthy.cli import run as run_verb
from loadworthy.errors import ExitCode
from loadworthy.plan import alerting, model, steps, test_data
from loadworthy.plan.load import LoadedPlan, check_runnable, load_plan
from loadworthy.plan.model import Plan
from loadworthy.plan.rules import TEMPLATE_NAMES
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.plan.values import Model
from loadworthy.record.sample import FailureKind

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")

SECTIONS: Mapping[type[Model], str] = {
    model.Plan: "Top level",
    model.Scenario: "Scenarios",
    model.Stage: "Stages",
    model.Behaviour: "Behaviour",
    model.WaitTime: "Pauses",
    model.Role: "Roles",
    steps.Step: "Steps",
    steps.Endpoint: "Weighted endpoints",
    steps.Part: "Multipart",
    steps.ExpectMessage: "Expect",
    steps.Expect: "Expect",
    steps.SocketOpen: "WebSockets",
    steps.Payload: "Messages",
    steps.SocketRequest: "Messages",
    steps.SocketReply: "Replies and pushes",
    steps.SocketPush: "Replies and pushes",
    steps.SocketStream: "Streams",
    steps.SocketPing: "Pings",
    steps.SocketClose: "Closing",
    steps.EventStream: "Event streams",
    steps.Undo: "Undo",
    steps.SetupStep: "Set-up and tear-down",
    test_data.RowSource: "Test data",
    test_data.Generate: "Made-up rows",
    test_data.FieldSpec: "Columns",
    model.Monitor: "Monitors",
    model.WatchedProcess: "Processes",
    alerting.Alerting: "Alerting",
    alerting.EmailAlert: "E-mail",
    alerting.SlackAlert: "Slack",
}
"""Under which heading the keys of each model stand."""

MODELS = [
    one
    for module in (model, steps, test_data, alerting)
    for one in vars(module).values()
    if isinstance(one, type) and issubclass(one, Model) and one.__module__ == module.__name__
]
PLAN_STARTS = ("base_url:", "name:", "scenarios:")


class Block(NamedTuple):
    """An example: its file, the line it begins on, its language and its text."""

    file: str
    line: int
    language: str
    text: str


class Key(NamedTuple):
    """A key that a model adds to those of its bases."""

    model: type[Model]
    alias: str
    field: FieldInfo


def _blocks(file: str, text: str) -> Iterator[Block]:
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(file, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def _is_plan(block: Block) -> bool:
    lines = [line for line in block.text.splitlines() if line.strip() and not line.startswith("#")]
    return bool(lines) and lines[0].startswith(PLAN_STARTS)


BLOCKS = [*_blocks("README.md", README), *_blocks("docs/plan.md", REFERENCE)]
PLANS = [block for block in BLOCKS if (block.language == "yaml" and _is_plan(block)) or block.language == "toml"]
FRAGMENTS = [block for block in BLOCKS if block.language == "yaml" and not _is_plan(block)]


def _name(value: object) -> str:
    if isinstance(value, Block):
        return f"{value.file}:{value.line}"
    return f"{value.model.__name__}.{value.alias}" if isinstance(value, Key) else str(value)


def _section(heading: str, text: str = REFERENCE) -> str:
    """What stands between a heading and the next one, of whatever level."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"docs/plan.md has no heading {heading}"
    return match[1]


def _rows(text: str) -> list[list[str]]:
    """The cells of every row of its tables, heads included."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def _keys() -> Iterator[Key]:
    for one in MODELS:
        for name, field in one.model_fields.items():
            if name in one.__annotations__:
                yield Key(one, field.alias or name, field)


def _load(text: str, language: str, folder: Path) -> LoadedPlan:
    """Load it as a user would, with the environment and the files that it names."""
    (folder / "users.py").write_text("", encoding="utf-8")
    for name in re.findall(r"\bfile: ([\w.-]+)", text):
        (folder / name).write_text("id,name\n7,lamp\n", encoding="utf-8")
    path = folder / f"plan.{language}"
    path.write_text(text, encoding="utf-8")
    wanted = re.findall(r"(?<!\$)\$\{(\w+)\}", text)
    loaded = load_plan(path, environ={name: f"a value of {name}" for name in wanted})
    check_runnable(loaded)
    return loaded


def _scenario_around(text: str) -> str:
    """A plan whose one scenario is this part of one: a list of steps, or keys of the scenario."""
    keys = f"flow:\n{textwrap.indent(text, '  ')}" if text.startswith("-") else text
    head = "base_url: http://localhost:8000\nscenarios:\n  load:\n"
    behaviour = "" if text.startswith("-") else "    endpoints: [{path: /}]\n"
    return head + textwrap.indent(keys, "    ") + behaviour


@pytest.mark.parametrize("block", PLANS, ids=_name)
def test_every_whole_plan_loads_and_can_be_run(block: Block, tmp_path: Path) -> None:
    """A plan that is copied from a page has no mistakes."""
    assert _load(block.text, block.language, tmp_path).plan.scenarios


@pytest.mark.parametrize("block", FRAGMENTS, ids=_name)
def test_every_part_of_a_plan_fits_into_one(block: Block, tmp_path: Path) -> None:
    """Examples of a few keys or steps have no mistakes either."""
    assert _load(_scenario_around(block.text), "yaml", tmp_path).plan.scenarios


def test_both_pages_have_plans() -> None:
    """The tests above have something to test."""
    assert {block.file for block in PLANS} == {"README.md", "docs/plan.md"}
    assert len(FRAGMENTS) > 3


def test_the_two_forms_of_the_first_plan_are_one_plan(tmp_path: Path) -> None:
    """The page says that its TOML is the same as its YAML."""
    first_yaml, first_toml = (
        next(block for block in PLANS if block.file == "docs/plan.md" and block.language == language)
        for language in ("yaml", "toml")
    )
    plans = [_load(block.text, block.language, tmp_path).plan for block in (first_yaml, first_toml)]
    assert plans[0] == plans[1]


@pytest.mark.parametrize("key", list(_keys()), ids=_name)
def test_every_key_has_a_row_with_its_default(key: Key) -> None:
    """A new key, or a new default, must be written down under the heading of its model."""
    rows = {row[0]: row for row in _rows(_section(SECTIONS[key.model]))}
    assert f"`{key.alias}`" in rows, f"docs/plan.md, {SECTIONS[key.model]}: no row for {key.alias}"
    default = rows[f"`{key.alias}`"][2]
    assert (default == "required") == key.field.is_required()
    literal = re.fullmatch(r"`([^`]+)`", default)
    actual = key.field.get_default(call_default_factory=True)
    if literal is None:
        assert key.field.is_required() or not actual or actual in (steps.Expect(), steps.ExpectMessage())
    elif not key.field.is_required():
        adapter: TypeAdapter[Any] = TypeAdapter(key.field.rebuild_annotation())
        assert adapter.validate_python(yaml.safe_load(literal[1])) == actual


def test_no_row_describes_a_key_that_does_not_exist() -> None:
    """A key that was removed or renamed must go from the page, too."""
    known = {(SECTIONS[key.model], f"`{key.alias}`") for key in _keys()}
    for heading in SECTIONS.values():
        tables = re.findall(r"^\| key \|.*?(?=^[^|]|\Z)", _section(heading), re.MULTILINE | re.DOTALL)
        described = {(heading, row[0]) for table in tables for row in _rows(table)[1:]}
        assert described <= known


def test_every_option_of_run_is_described() -> None:
    """Each option of ``loadworthy run`` is in README.md or docs/plan.md."""
    parser = argparse.ArgumentParser(add_help=False)
    run_verb.configure(parser)
    options = [option for action in parser._actions for option in action.option_strings]
    assert len(options) > 5
    missing = [option for option in options if not re.search(rf"{option}(?![\w-])", README + REFERENCE)]
    assert missing == []


def test_every_expression_in_the_section_on_thresholds_is_one() -> None:
    """Those in examples are loaded above; these are the ones in the text and the comments."""
    found = re.findall(r"(?:`|# )([\w.]+ (?:<=|>=|<|>) [\w.%/]+)(?=`|$)", _section("Thresholds"), re.MULTILINE)
    assert len(found) >= 4
    for expression in found:
        assert parse_threshold(expression).expression == expression


def test_the_short_form_means_what_its_comments_say(tmp_path: Path) -> None:
    """``response_time_p95: 1000      # p95 <= 1000ms`` and so on."""
    said = dict(re.findall(r"^  (\w+): \S+ +# (.+)$", _section("Thresholds"), re.MULTILINE))
    block = next(one for one in FRAGMENTS if "response_time_p95: 1000 " in one.text)
    thresholds = _load(_scenario_around(block.text), "yaml", tmp_path).plan.scenarios["load"].thresholds
    assert len(said) == 3
    assert list(said.values()) == list(thresholds)[:3]


def test_the_requests_that_a_percentile_needs_are_right() -> None:
    """The table follows from order statistics."""
    rows = [row for row in _rows(_section("Undecided")) if row[0].startswith("p5") or row[0].startswith("p9")]
    assert len(rows) == 5
    assert {row[0]: row[1] for row in rows} == {row[0]: f"{min_samples(float(row[0][1:]) / 100):,}" for row in rows}


def test_the_kinds_of_failure_are_all_there() -> None:
    """The closed set, in its order."""
    kinds = [row[0].strip("`") for row in _rows(_section("Samples and failures"))[1:]]
    assert kinds == [kind.value for kind in FailureKind]


def test_the_exit_codes_are_right() -> None:
    """Each code, with the verdict that it stands for."""
    rows = {int(row[0]): row[1].strip("`") for row in _rows(_section("Verdicts and exit codes"))[1:]}
    assert set(rows) == {int(code) for code in ExitCode}
    assert {verdict.value: int(exit_code_of(verdict)) for verdict in Verdict} == {
        verdict: code for code, verdict in rows.items() if verdict in list(Verdict)
    }


def test_what_templates_can_use_is_all_there() -> None:
    """Every name that the plan's templates have by themselves."""
    described = {re.split(r"[`(]", row[0])[1] for row in _rows(_section("Templates")) if row[0].startswith("`")}
    assert described == set(TEMPLATE_NAMES)


def test_the_keys_of_a_summary_are_all_there(tmp_path: Path) -> None:
    """A key that is added to ``summary.json``, at its top, in a scenario, in its times or a threshold."""
    intervals = [runs.interval(0, runs.series(times_us=[1000] * 100))]
    run_json = runs.manifest({"load": ["p95 < 1s"], "other": []})
    run = runs.make_run(tmp_path / "run", intervals, run_json=run_json)
    summary = summarize(run).to_json()
    scenario = summary["scenarios"]["load"]
    results = [*scenario["thresholds"], *summary["scenarios"]["other"]["thresholds"]]
    parts = [summary, summary["health"], scenario, scenario["response_time_ms"], *results]
    keys = {key for part in parts for key in part}
    section = _section("summary.json")
    assert [key for key in sorted(keys) if f"`{key}`" not in section] == []


def test_the_implied_threshold_is_named(tmp_path: Path) -> None:
    """A scenario without thresholds, as the page describes it."""
    run = runs.make_run(tmp_path / "run", [runs.interval(0, runs.series(times_us=[1000]))])
    (implied,) = summarize(run).scenarios["load"].thresholds
    assert implied.implicit
    assert f"`{implied.expression}`" in _section("Thresholds")


def test_every_link_within_the_page_leads_somewhere() -> None:
    """Anchors are made from headings."""
    headings = re.findall(r"^#+ (.+)$", REFERENCE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([\w-]+)\)", REFERENCE))
    assert links
    assert links <= anchors


def test_the_reference_names_the_plan_itself() -> None:
    """Every model has a heading; a new model needs one."""
    assert set(MODELS) == set(SECTIONS)
    assert Plan in SECTIONS
