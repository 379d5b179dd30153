"""What master and workers say to each other beside Locust's own messages.

::

    worker → master                       master → worker
    (Locust: client_ready)
    HELLO    child_pid                    SETUP    plan, seed, place of this process
    READY | REFUSED  message              BEGIN    scenario; counted: iterations are limited
    BEGUN    scenario                     (Locust: spawn …, stop)
    BATCH    number, intervals …          ACK      number
    TICKETS                               GRANT    count
    ENDED    scenario                     END      scenario
                                          (Locust: quit)

A batch is kept by the worker until it is acknowledged and sent again if that takes long; the master knows it by
(process, number), so a repeat does no harm. The transport is Locust's: it neither encrypts nor authenticates.
"""

from __future__ import annotations

HELLO = "loadworthy_hello"
SETUP = "loadworthy_setup"
READY = "loadworthy_ready"
REFUSED = "loadworthy_refused"
BEGIN = "loadworthy_begin"
BEGUN = "loadworthy_begun"
BATCH = "loadworthy_batch"
ACK = "loadworthy_ack"
TICKETS = "loadworthy_tickets"
GRANT = "loadworthy_grant"
END = "loadworthy_end"
ENDED = "loadworthy_ended"

RESEND_AFTER_S = 3.0
