"""The library that draws charts in a page: kept where the user has a cache, and never torn."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from loadworthy.report.figures import library as module
from loadworthy.report.figures.draw import VEGA_LITE
from loadworthy.report.figures.library import library


@pytest.fixture(scope="module")
def whole() -> str:
    """As it is made where there is no cache."""
    return library({})


class Bundler:
    """Takes the place of what bundles, which needs a second; counts how often it is asked."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return self.text


@pytest.fixture
def bundler(whole: str, monkeypatch: pytest.MonkeyPatch) -> Bundler:
    made = Bundler(whole)
    monkeypatch.setattr(module, "_bundle", made)
    return made


@pytest.fixture
def kept(tmp_path: Path, bundler: Bundler) -> Path:
    """The file in which it is kept, in a cache in which nothing else is."""
    library({"XDG_CACHE_HOME": str(tmp_path)})
    bundler.times = 0
    (path,) = (tmp_path / "loadworthy").iterdir()
    return path


def test_it_can_stand_in_a_page(whole: str) -> None:
    """Nothing in it ends the script, begins a comment or another script, or is changed by a parser on its way in."""
    assert len(whole) > 100_000
    assert not re.search(r"</script|<script|<!--", whole, re.IGNORECASE)
    assert "\r" not in whole
    assert "\x00" not in whole
    assert "vegaEmbed" in whole
    assert whole.encode().decode() == whole


def test_the_version_is_the_one_that_is_rendered(kept: Path) -> None:
    """A later one is kept beside it, not mistaken for it."""
    assert VEGA_LITE in kept.name


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_it_is_kept(tmp_path: Path, variable: str, bundler: Bundler) -> None:
    """The second time nothing is bundled; what is given is the same, to the byte."""
    environ = {variable: str(tmp_path)}
    assert library(environ) == library(environ) == bundler.text
    assert bundler.times == 1
    cache = tmp_path if variable == "XDG_CACHE_HOME" else tmp_path / ".cache"
    assert [path.name for path in cache.iterdir()] == ["loadworthy"]


@pytest.mark.parametrize("damage", ["torn", "empty", "not text", "short", "a folder"])
def test_a_damaged_file_is_not_used(kept: Path, tmp_path: Path, damage: str, bundler: Bundler) -> None:
    """Another process may have been killed while it wrote; it is made anew, and put right where that can be done."""
    content = bundler.text.encode()
    if damage == "a folder":
        kept.unlink()
        kept.mkdir()
    else:
        damaged = {
            "torn": content[:-20], "empty": b"", "not text": content[:-20] + b"\xff\xfe" + content[-20:],
            "short": b"alert(1)\n/* end */\n",
        }  # fmt: skip
        kept.write_bytes(damaged[damage])
    assert library({"XDG_CACHE_HOME": str(tmp_path)}) == bundler.text
    assert bundler.times == 1
    if damage != "a folder":
        assert kept.read_bytes() == content
        assert os.listdir(kept.parent) == [kept.name], "nothing else is left behind"  # noqa: PTH208


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path, bundler: Bundler) -> None:
    """Then it is made each time: a file stands where the folder would be."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    environ = {"XDG_CACHE_HOME": str(tmp_path / "file")}
    assert library(environ) == library(environ) == bundler.text
    assert bundler.times == 2


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"XDG_CACHE_HOME": "", "HOME": ""}])
def test_without_a_home_it_is_made_each_time(
    environ: dict[str, str], bundler: Bundler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And nothing is written where the command happens to be called."""
    monkeypatch.chdir(tmp_path)
    assert library(environ) == library(environ) == bundler.text
    assert bundler.times == 2
    assert not list(tmp_path.iterdir())
