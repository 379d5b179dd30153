"""The JavaScript that draws charts in a page: Vega, Vega-Lite and Vega-Embed, as vl-convert brings them.

Bundling takes a second, so the bundle is kept in the user's cache folder; where that cannot be written, it is made each
time. A page runs it under a content-security policy without ``unsafe-eval``: Vega interprets its expressions.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from loadworthy.report.figures.draw import VEGA_LITE

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_LEAST_BYTES = 100_000
_END = "\n/* end */\n"
"""Only a whole file ends so: another process may be writing it, or have been killed."""


def library(environ: Mapping[str, str] | None = None) -> str:
    """The script, for an inline ``<script>`` or a file of its own; ``environ`` says where the cache is."""
    path = _cache_path(os.environ if environ is None else environ)
    if path is None:
        return _bundle()
    try:
        kept = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        kept = ""
    if len(kept) > _LEAST_BYTES and kept.endswith(_END):
        return kept
    made = _bundle()
    _keep(path, made)
    return made


def _bundle() -> str:
    import vl_convert

    bundle: str = vl_convert.javascript_bundle(_SNIPPET, vl_version=VEGA_LITE)
    # In an inline script these would end it, or begin a comment; within JavaScript's strings they mean the same so.
    safe = bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return safe + _END


def _cache_path(environ: Mapping[str, str]) -> Path | None:
    """Where the bundle of this version is kept; None where the user has no place for that."""
    home = environ.get("HOME")
    base = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else None)
    return None if base is None else Path(base) / "loadworthy" / f"vega-{VEGA_LITE}-{version('vl-convert-python')}.js"


def _keep(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError:
        return  # a cache is no more than that
