"""What the operating system allows this process: every user holds a connection, and every connection a descriptor."""

from __future__ import annotations

import resource


def raise_descriptor_limit() -> int:
    """Raise the soft limit on open files to the hard one, as far as the system lets us; the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # some systems refuse an unlimited hard limit as a soft one
            return soft
    return hard
