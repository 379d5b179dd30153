"""Locustfiles are members of packages, find their neighbours, and do not get into each other's way."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.cli import loadworthy, write_plan

from loadworthy.engine.loading import forgetting, import_file, load_user_classes, top_folder
from loadworthy.errors import UsageError
from loadworthy.testing import CountingServer

BASE = """
from locust import HttpUser, constant

class Base(HttpUser):
    abstract = True
    wait_time = constant(0.001)
"""
USER = """
from locust import task
from {base} import Base

class Visitor(Base):
    @task
    def look(self):
        self.client.get("/{path}")
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """What a test imports is forgotten."""
    with forgetting():
        yield


def write(path: Path, source: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return path


def test_a_member_of_a_package_is_imported_as_one(tmp_path: Path) -> None:
    """Relative, absolute and plain imports of a neighbour give the same package, and the name says where it is."""
    write(tmp_path / "suite_a/__init__.py", "LOADED = True")
    write(tmp_path / "suite_a/performance/__init__.py")
    write(tmp_path / "suite_a/performance/base_a.py", BASE)
    path = write(
        tmp_path / "suite_a/performance/test_load.py",
        """
        from suite_a import LOADED
        from suite_a.performance.base_a import Base as Absolute
        from .base_a import Base
        from .. import LOADED as ABOVE

        assert Absolute is Base and LOADED and ABOVE

        class Visitor(Base):
            pass
        """,
    )
    (user_class,), shape = load_user_classes(path, ())
    assert (user_class.__name__, user_class.__module__) == ("Visitor", "suite_a.performance.test_load")
    assert shape is None


def test_a_plain_folder_is_a_package_too(tmp_path: Path) -> None:
    """Without ``__init__.py`` the folder is a namespace package, and plain imports of neighbours work beside it."""
    write(tmp_path / "plain_b/base_b.py", BASE)
    write(tmp_path / "plain_b/more/extra.py", "VALUE = 7")
    path = write(
        tmp_path / "plain_b/load.py",
        USER.format(base=".base_b", path="") + "from base_b import Base as B\nfrom .more.extra import VALUE\n",
    )
    (user_class,), _ = load_user_classes(path, ())
    assert user_class.__module__ == "plain_b.load"


@pytest.mark.parametrize("init", [False, True])
def test_files_of_one_name_do_not_clash(tmp_path: Path, init: bool) -> None:
    """Nor do their neighbours of one name, be they imported relatively or not; in packages of one name as well."""
    found = {}
    for side in ("left", "right"):
        folder = tmp_path / side / "suite_c"
        if init:
            write(folder / "__init__.py")
        write(folder / "helpers_c.py", f"SIDE = {side!r}")
        write(folder / "more_c/__init__.py", "from .part import SIDE")
        write(folder / "more_c/part.py", f"SIDE = {side!r}")
        source = "import helpers_c\nimport more_c\nfrom . import helpers_c as near\n"
        source += f"assert helpers_c.SIDE == near.SIDE == more_c.SIDE == {side!r}\n"
        write(folder / "base_c.py", BASE)
        path = write(folder / "locustfile.py", source + USER.format(base=".base_c", path=side))
        found[side] = load_user_classes(path, ())[0][0]
    assert found["left"].__module__ == "suite_c.locustfile"
    assert found["right"].__module__ == "suite_c_2.locustfile"
    assert found["left"] is not found["right"]


def test_a_library_of_the_folders_or_files_name_stays(tmp_path: Path) -> None:
    """A folder called ``locust`` with a file ``json.py`` in it hides neither."""
    path = write(tmp_path / "locust/json.py", BASE + "class Visitor(Base):\n    pass\n")
    (user_class,), _ = load_user_classes(path, ())
    assert user_class.__module__ == "locust_2.json"
    assert sys.modules["locust"].__file__ != str(path.parent)
    assert sys.modules["json"].loads("7") == 7


def test_names_that_python_could_not_write_can_be_loaded(tmp_path: Path) -> None:
    """A file needs a name for the shell, not for Python."""
    path = write(tmp_path / "my tests-2/load.v2-x.py", BASE + "class Visitor(Base):\n    pass\n")
    assert load_user_classes(path, ())[0][0].__name__ == "Visitor"


def test_the_same_file_is_loaded_once(tmp_path: Path) -> None:
    """Its listeners would be there twice otherwise."""
    path = write(tmp_path / "suite_d/load_d.py", "LOADED = []")
    assert import_file(path) is import_file(path)


def test_a_neighbour_may_import_the_file_by_its_bare_name(tmp_path: Path) -> None:
    """As under Locust: it finds the file itself, not a copy."""
    write(tmp_path / "suite_e/near_e.py", "import load_e\nSEEN = load_e.VALUE\n")
    path = write(tmp_path / "suite_e/load_e.py", "VALUE = object()\nimport near_e\nassert near_e.SEEN is VALUE\n")
    import_file(path)


@pytest.mark.parametrize(
    ("source", "line"),
    [("import locust\nthis is not\n", 2), ("import locust\n\n1 / 0\n", 3), ("\nfrom .gone import x\n", 2)],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, source: str, line: int) -> None:
    """The line in the locustfile, also where the error came up further down; nothing half-loaded stays."""
    path = write(tmp_path / "suite_f/load_f.py", source)
    for _ in range(2):
        with pytest.raises(UsageError, match=rf"load_f\.py:{line}: the locustfile cannot be loaded"):
            load_user_classes(path, ())
    assert "load_f" not in sys.modules
    assert "suite_f.load_f" not in sys.modules


def test_a_broken_package_is_told(tmp_path: Path) -> None:
    """An ``__init__.py`` that raises is a mistake of the suite, too."""
    write(tmp_path / "suite_g/__init__.py", "1 / 0")
    path = write(tmp_path / "suite_g/load_g.py", BASE)
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        load_user_classes(path, ())
    assert "suite_g" not in sys.modules


def test_what_was_imported_is_forgotten_at_the_end(tmp_path: Path) -> None:
    """Modules beside a locustfile go, libraries stay, and the import path is as before."""
    write(tmp_path / "suite_h/near_h.py", "import colorsys")
    path = write(tmp_path / "suite_h/load_h.py", "import near_h\nfrom . import near_h as relative\n")
    before = list(sys.path)
    with forgetting():
        import_file(path)
        assert {"near_h", "load_h", "suite_h", "suite_h.near_h", "suite_h.load_h"} <= set(sys.modules)
    assert not {"near_h", "load_h", "suite_h", "suite_h.near_h", "suite_h.load_h"} & set(sys.modules)
    assert "colorsys" in sys.modules
    assert sys.path == before


def test_where_a_package_begins(tmp_path: Path) -> None:
    """The highest folder with ``__init__.py`` without a gap; a folder without one is its own."""
    write(tmp_path / "one/__init__.py")
    write(tmp_path / "one/two/__init__.py")
    write(tmp_path / "one/gap/three/__init__.py")
    assert top_folder(tmp_path / "one/two") == tmp_path / "one"
    assert top_folder(tmp_path / "one/gap/three") == tmp_path / "one/gap/three"
    assert top_folder(tmp_path / "one/gap") == tmp_path / "one/gap"


@pytest.mark.parametrize("processes", [1, 2])
def test_a_plan_with_files_in_several_folders_runs(tmp_path: Path, processes: int) -> None:
    """Of one name, with relative imports, in this process and in workers."""
    for side in ("left", "right"):
        write(tmp_path / side / "base_test.py", BASE)
        write(tmp_path / side / "test_load.py", USER.format(base=".base_test", path=side))
    write(tmp_path / "left/__init__.py")
    with CountingServer() as server:
        scenarios = {side: {"locustfile": f"{side}/test_load.py", "iterations": 20} for side in ("left", "right")}
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": scenarios})
        done = loadworthy("run", plan, "--processes", processes, cwd=tmp_path)
        counts = Counter(exchange.target for exchange in server.log())
    assert done.code == 0, done.out + done.err
    assert counts == {"/left": 20, "/right": 20}
