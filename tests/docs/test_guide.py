"""The pages of the guide against the code: links, commands, options, and that no code block is left unchecked."""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from locust import argument_parser
from tests.support.guide import (
    DOCS,
    NAMES,
    SHELL,
    Block,
    commands_of,
    every_block,
    headings_of,
    parse,
    text_of,
    words_of,
)

from loadworthy.cli.main import VERBS, whole_parser
from loadworthy.plan.load import load_plan
from loadworthy.plan.model import Plan

BLOCKS = list(every_block())
CHECKED = {
    "": "commands, or what is printed",
    "console": "a transcript",
    "yaml": "a plan, or a part of one",
    "json": "parsed",
    "xml": "parsed",
    "python": "compiled here, run by the page's own test",
    "csv": "written beside the plan that reads it",
    "javascript": "another tool's",
    "java": "another tool's",
}
"""Languages of code blocks, and what becomes of them."""
NOT_OURS = {
    "--keep-data",
    "--summary-export",
    "--csv-prefix",
    "--max-time",
    "--retry",
    "--retry-delay",
    "--retry-connrefused",
    "--clients",
    "--hatch-rate",
    "--no-web",
}
"""That of locustfiles and of plans that undo; those of k6, of Locust, also before 1.0, and of curl."""
LOCUSTS = set(argument_parser.get_parser()._option_string_actions)

FREE_NAMES = {"id", "formats"}
"""Names that a plan gives to what it extracts; a key of a section that is kept as it is."""


def _where(block: Block) -> str:
    return f"{block.page}.md:{block.line}"


def _options() -> set[str]:
    """All options of all verbs."""
    found: set[str] = set()
    parsers = [whole_parser()]
    while parsers:
        parser = parsers.pop()
        found |= set(parser._option_string_actions)
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_somewhere(name: str) -> None:
    """Files are there, and so are headings."""
    outside = re.sub(r"^```.*?^```$", "", text_of(name), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", outside)
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        if re.match(r"https?:", link):
            continue
        target = (DOCS / path).resolve() if path else DOCS / f"{name}.md"
        assert target.exists(), link
        if anchor:
            assert anchor in headings_of(target.read_text(encoding="utf-8")), link


def test_the_index_names_every_page() -> None:
    """Those of the guide, and the others in docs."""
    index = text_of("guide")
    assert [path.name for path in sorted(DOCS.glob("*.md")) if f"]({path.name}" not in index] == ["guide.md"]


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in SHELL], ids=_where)
def test_commands_are_understood(block: Block) -> None:
    """Those of ours by our parser, those of Locust by Locust's."""
    for command in commands_of(block):
        if words := words_of(command):
            parse([word for word in words if word != "…"])
        if command.startswith("locust "):
            argument_parser.get_parser(default_config_files=[]).parse_args(command.split()[1:])


@pytest.mark.parametrize("name", NAMES)
def test_verbs_and_options_in_the_text_exist(name: str) -> None:
    """What stands in the text as code."""
    outside = re.sub(r"^```.*?^```$", "", text_of(name), flags=re.MULTILINE | re.DOTALL)
    codes = re.findall(r"`([^`\n]+)`", outside)
    verbs = {match[1] for code in codes if (match := re.match(r"loadworthy ([a-z]+)", code))}
    assert verbs <= set(VERBS)
    options = {option for code in codes for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", code)}
    known = _options() | (LOCUSTS if name in ("from-locust", "import", "troubleshooting") else set()) | NOT_OURS
    assert options - known == set()


@pytest.mark.parametrize("name", ["from-locust", "from-other-tools"])
def test_keys_of_the_plan_in_its_tables_exist(name: str) -> None:
    """On the right stands what Loadworthy has for it: a key is code that ends with a colon."""
    rows = re.findall(r"^\| .* \| (.*) \|$", text_of(name), re.MULTILINE)
    codes = [code for row in rows for code in re.findall(r"`([^`]+)`", row)]
    found = {key for code in codes for key in re.findall(r"(?:^|[{, ])([a-z_]+):(?= |$|,)", code)}
    assert len(found) > 10
    assert found - _keys() <= FREE_NAMES


def _keys() -> set[str]:
    """All keys of all models of a plan."""
    schema = Plan.model_json_schema(by_alias=True)
    parts = [schema, *schema["$defs"].values()]
    return {key for part in parts for key in part.get("properties", {})}


COLUMNS = ("id", "user", "password", "item", "code")
"""Those that the plans of the guide ask files for."""


def test_every_language_is_looked_after() -> None:
    """A new one needs a test."""
    assert {block.language for block in BLOCKS} <= set(CHECKED)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language in ("json", "xml", "yaml", "python")], ids=_where
)
def test_what_can_be_read_is_well_formed(block: Block) -> None:
    """JSON, XML, YAML and Python."""
    if block.language == "json":
        json.loads(block.content)
    elif block.language == "xml":
        ET.fromstring(block.text)
    elif block.language == "yaml":
        yaml.safe_load(block.text)
    else:
        compile(block.text, _where(block), "exec")


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language == "yaml" and re.search(r"^scenarios:", block.text, re.MULTILINE)],
    ids=_where,
)
def test_every_plan_loads(block: Block, tmp_path: Path) -> None:
    """As it stands, with the environment and the files that it names."""
    for file in re.findall(r"\b(?:file|locustfile): ([\w.-]+)", block.text):
        row = json.dumps(dict.fromkeys(COLUMNS, 1))
        kinds = {"json": f"[{row}]", "py": "", "jsonl": f"{row}\n"}
        table = f"{','.join(COLUMNS)}\n{','.join('1' * len(COLUMNS))}\n"
        (tmp_path / file).write_text(kinds.get(file.rpartition(".")[2], table), encoding="utf-8")
    if "shop.db" in block.text:
        with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
            shop.execute("CREATE TABLE accounts AS SELECT 1 AS id, 'ann' AS email, 'x' AS password, 1 AS active")
            shop.commit()
    (tmp_path / "plan.yaml").write_text(block.text, encoding="utf-8")
    load_plan(tmp_path / "plan.yaml", environ=_environ(block.text))


def _environ(text: str) -> dict[str, str]:
    """A value for each variable without a default."""
    values = {"SMTP_PASSWORD": "open-sesame", "SLACK_WEBHOOK": "https://hooks.example.com/services/1"}
    return {
        name: values.get(name, "json://alerts.example.com/1" if "URL" in name else f"a value of {name}")
        for name in re.findall(r"(?<!\$)\$\{(\w+)\}", text)
    }
