"""The live page: a run, watched and led from a browser while it goes on.

Under ``loadworthy run --ui`` (:mod:`loadworthy.page.session`) it stands beside Locust's own page. Under plain Locust it
is added to Locust's by one line of a locustfile::

    from loadworthy.page import live_page

    live_page()

``guard.py`` says who may come in, ``stream.py`` tells browsers what is new, ``routes.py`` has the addresses,
``view.py`` and ``assets.py`` make what a browser loads, ``downloads.py`` hands out a run directory, ``locust_ui.py``
tames Locust's page, ``server.py`` listens, ``plain.py`` and ``plain_recording.py`` serve plain Locust.
"""

from loadworthy.page.plain import live_page

__all__ = ["live_page"]
