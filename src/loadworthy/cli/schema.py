"""``loadworthy schema``: the JSON Schema of a plan, and how editors come to it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from loadworthy.errors import ExitCode, UsageError

EPILOG = """\
examples:
  loadworthy schema --out plan.schema.json
  loadworthy schema | jq '."$defs".Scenario.properties | keys'

With it an editor completes keys, explains them, and marks mistakes while a plan is written:

any editor with a YAML language server: the first line of the plan says where it is
  # yaml-language-server: $schema=plan.schema.json

VS Code (extension "YAML" by Red Hat), for plans by their names, in .vscode/settings.json
  "yaml.schemas": {"./plan.schema.json": ["plan.yaml", "plans/*.yaml"]}

JetBrains: Settings, Languages & Frameworks, Schemas and DTDs, JSON Schema Mappings: add plan.schema.json,
  the newest JSON Schema version there is, and the file pattern plan.yaml

Neovim, with yaml-language-server by nvim-lspconfig
  vim.lsp.config("yamlls", {settings = {yaml = {schemas = {["plan.schema.json"] = {"plan.yaml", "plans/*.yaml"}}}}})

TOML (Taplo, "Even Better TOML"): the first line of the plan
  #:schema ./plan.schema.json

JSON: "$schema" is no key of a plan; name the file in "json.schemas" of VS Code, or in JetBrains as above.

`loadworthy init` and `loadworthy import` write the first line by themselves where plan.schema.json stands beside the
plan. Write the file again after an update of Loadworthy.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--out", metavar="FILE", type=Path, help="write it there instead of printing it")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Print it or write it."""
    from loadworthy.plan.schema import plan_schema

    if arguments.out is None:
        print(json.dumps(plan_schema(), indent=2))
        return ExitCode.PASS
    return _written(arguments.out, plan_schema())


def _is_ours(path: Path, title: str) -> bool:
    """Whether a file is one that this verb wrote, of whatever version."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("title") == title


def _written(path: Path, schema: dict[str, Any]) -> ExitCode:
    from loadworthy.record.rundir import replace_file

    try:
        if path.exists() and not _is_ours(path, schema["title"]):
            raise UsageError(f"{path} is there, and no schema of a plan: name another file, or remove it")
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(schema, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    print(f"wrote {path}; the first line of a plan beside it:\n# yaml-language-server: $schema={path.name}")
    return ExitCode.PASS
