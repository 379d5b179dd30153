"""Makes a report over all runs of a folder: a page, plots, and the figures as JSON.

    python scripts/analyze_perf_results.py --results-dir reports/performance

writes performance_report.html, performance_report.json and plots (SVG and PNG) into reports below that folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from loadworthy import api
from loadworthy.errors import ExitCode
from loadworthy.report.plots import FOLDER as PLOTS
from loadworthy.report.several import Several, write_several

RESULTS = Path("reports/performance")


def main() -> ExitCode:
    """Write the report, and say what is in it."""
    parser = argparse.ArgumentParser(
        description="Make a report over all runs of a folder.",
        epilog="example: python scripts/analyze_perf_results.py --results-dir reports/performance",
    )
    parser.add_argument("--results-dir", type=Path, default=RESULTS, metavar="DIR",
                        help=f"where run_perf_tests.py put its runs ({RESULTS})")  # fmt: skip
    written = write_several(parser.parse_args().results_dir)
    _tell(written.report)
    page, data, *plots = written.files
    print(f"\npage   {page}\ndata   {data}")
    if plots:
        print(f"plots  {page.parent / PLOTS}: {len(plots)}")
    return ExitCode.PASS


def _tell(report: Several) -> None:
    for one in report.scenarios:
        print(f"\n{one.summary.name}: {one.summary.verdict.value} ({one.run})")
        for figure in one.figures:
            print(f"  {figure.label}: {figure.shown}")
    for problem in report.problems:
        print(f"{Path(sys.argv[0]).name}: {problem}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(api.script(main))
