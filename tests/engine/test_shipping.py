"""A node's setup on its way to a worker."""

from pathlib import Path

import pytest

from loadworthy.engine.classes import NodeSetup
from loadworthy.engine.shipping import named_files, pack_setup, unpack_setup
from loadworthy.errors import UsageError
from loadworthy.plan.model import Plan

PLAN = {
    "base_url": "http://h",
    "test_data": {"user": {"file": "data/users.csv"}, "inline": [{"a": 1}],
                  "shop": {"database": "data/shop.db", "query": "SELECT 1 ORDER BY 1"},
                  "elsewhere": {"database": "postgresql://h/d", "query": "SELECT 1 ORDER BY 1"}},
    "locust": {"locustfile": "common.py"},
    "scenarios": {
        "declared": {"users": 3, "run_time": "1m30s", "wait_time": "1s-3s", "endpoints": [{"path": "/{{ user.n }}"}],
                     "roles": {"painter": {"flow": [{"path": "/", "multipart": {"pictures": [{"file": "a.png"}],
                                                                                "one": {"file": "data/b.png"}}}]}},
                     "thresholds": {"response_time_p95": 500}},
        "file": {"locustfile": "users.py", "stages": [{"duration": "5s", "users": 2}]},
    },
}  # fmt: skip


@pytest.fixture
def setup(tmp_path: Path) -> NodeSetup:
    """A setup whose plan names six files, which exist."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "users.csv").write_text("n\n1\n")
    (tmp_path / "data" / "shop.db").write_bytes(b"a database")
    (tmp_path / "data" / "b.png").write_bytes(b"b")
    (tmp_path / "a.png").write_bytes(b"a picture")
    (tmp_path / "common.py").write_text("# common\n")
    (tmp_path / "users.py").write_text("# users\n")
    plan = Plan.model_validate(PLAN)
    return NodeSetup(plan, tmp_path, seed=5, processes=2, arguments=("--x",), scenarios=("declared",))


def test_a_worker_on_the_same_machine_uses_the_files_where_they_are(setup: NodeSetup, tmp_path: Path) -> None:
    """The same plan, folder and settings come out, with the process's own index."""
    unpacked = unpack_setup(pack_setup(setup, 2), tmp_path / "scratch")
    assert unpacked.plan == setup.plan
    assert unpacked.base_dir == setup.base_dir
    assert (unpacked.process, unpacked.share, unpacked.processes) == (2, 1, 2)
    assert (unpacked.seed, unpacked.arguments, unpacked.scenarios) == (5, ("--x",), ("declared",))


def test_a_worker_elsewhere_gets_copies(setup: NodeSetup, tmp_path: Path) -> None:
    """Where the folder does not exist, or holds something else, the files are written to a folder of their own."""
    packed = pack_setup(setup, 1)
    (setup.base_dir / "users.py").write_text("# changed since\n")
    unpacked = unpack_setup(packed, tmp_path / "scratch")
    assert unpacked.base_dir != setup.base_dir
    assert (unpacked.base_dir / "users.py").read_text() == "# users\n"
    assert (unpacked.base_dir / "data" / "users.csv").read_text() == "n\n1\n"
    assert (unpacked.base_dir / "a.png").read_bytes() == b"a picture"


def test_files_are_named_once(setup: NodeSetup) -> None:
    """Locustfiles, test data and what forms send, of the whole plan."""
    named = ["a.png", "common.py", "data/b.png", "data/shop.db", "data/users.csv", "users.py"]
    assert named_files(setup.plan) == named


def test_a_shipped_file_cannot_be_written_outside_its_folder(setup: NodeSetup, tmp_path: Path) -> None:
    """A master cannot make a worker write where it likes."""
    packed = pack_setup(setup, 1)
    packed["files"] = {"../../outside.txt": b"x"}
    with pytest.raises(UsageError, match="outside"):
        unpack_setup(packed, tmp_path / "scratch")
