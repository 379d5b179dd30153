"""The limit on open files."""

import resource
import subprocess
import sys


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    """A process that starts with room for 64 files and may have 4,096 has 4,096 afterwards."""
    probe = (
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))\n"
        "from loadworthy.engine.limits import raise_descriptor_limit\n"
        "print(raise_descriptor_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 4096
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["4096", "4096"]
