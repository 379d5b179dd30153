"""The command line: one file a verb, dispatched and ended by :mod:`loadworthy.cli.main`."""
