"""What master and workers say to each other beside Locust's own messages.

::

    worker → master                       master → worker
    (Locust: client_ready)
    HELLO    child_pid                    SETUP    plan, seed, place of this process
    READY | REFUSED  message              BEGIN    wave; counted: scenarios with limited iterations; share; options;
                                                   changes of the load so far
    BEGUN    wave                         START    splits, how long ago the clock started
    BATCH    number, intervals …          ACK      number
    TICKETS  scenario                     GRANT    scenario, number of the first, count
                                          SPLIT    share from some moment on: workers came or went
                                          AIM      scenario, users: a load shape decides
                                          SEGMENT  scenario; a stretch of load that was decided just now, or None:
                                                   nothing more of the one under way is to begin
                                          LOAD     scenario, all changes of its load by hand
                                          DISMISS  scenario: its time is up
    ENDED    wave                         END
    BROKEN   message                      (Locust: quit)

A batch is kept by the worker until it is acknowledged and sent again if that takes long; the master knows it by
(process, number), so a repeat does no harm. The transport is Locust's: it neither encrypts nor authenticates.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import LoadChange

HELLO = "loadworthy_hello"
SETUP = "loadworthy_setup"
READY = "loadworthy_ready"
REFUSED = "loadworthy_refused"
BEGIN = "loadworthy_begin"
BEGUN = "loadworthy_begun"
BATCH = "loadworthy_batch"
ACK = "loadworthy_ack"
START = "loadworthy_start"
SPLIT = "loadworthy_split"
AIM = "loadworthy_aim"
SEGMENT = "loadworthy_segment"
LOAD = "loadworthy_load"
DISMISS = "loadworthy_dismiss"
BROKEN = "loadworthy_broken"
TICKETS = "loadworthy_tickets"
GRANT = "loadworthy_grant"
END = "loadworthy_end"
ENDED = "loadworthy_ended"

RESEND_AFTER_S = 3.0


def pack_split(split: Split) -> list[int | None]:
    """As plain data."""
    return [split.share, split.processes, split.from_us, split.epoch]


def unpack_split(data: Sequence[int | None]) -> Split:
    """The inverse."""
    share, processes, from_us, epoch = data
    return Split(share, int(processes or 1), int(from_us or 0), int(epoch or 0))


def pack_changes(changes: Sequence[LoadChange]) -> list[list[float]]:
    """As plain data."""
    return [[change.at_us, change.factor] for change in changes]


def unpack_changes(data: Sequence[Sequence[float]]) -> tuple[LoadChange, ...]:
    """The inverse."""
    return tuple(LoadChange(int(at_us), float(factor)) for at_us, factor in data)
