"""Charts, described once: a :class:`~loadworthy.report.figures.figure.Figure` is drawn into pages, PNG and SVG files.

``theme.py`` has the colours, ``rows.py`` the data sets, ``layers.py`` what the charts are put together from. Then a
file for what there is to see: ``over_time.py``, ``distribution.py``, ``heat_map.py``, ``trials.py``, ``readings.py``,
``shift.py``, ``trend.py``; ``said.py`` and ``marks.py`` say in words what the charts show. ``draw.py`` renders without
a browser, ``library.py`` is what a page needs to draw them itself.
"""
