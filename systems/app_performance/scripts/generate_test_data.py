"""Makes rows of items for the tests to post: the file that ``test_data`` of the configuration names.

python scripts/generate_test_data.py --rows 500 --seed 1
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterator
from pathlib import Path

from loadworthy import api
from loadworthy.errors import UsageError

OUTPUT = Path("tests/performance/data/items.csv")
COLUMNS = ("name", "description", "category", "value")
_STYLES = ("Plain", "Folding", "Tall", "Small", "Round", "Vintage", "Stackable", "Wide", "Narrow", "Curved")
_MATERIALS = ("oak", "steel", "linen", "glass", "copper", "bamboo", "ceramic", "walnut", "cork", "wool")
_THINGS = {
    "lighting": ("lamp", "lantern", "spotlight", "candle holder"),
    "seating": ("chair", "stool", "bench", "armchair"),
    "kitchen": ("kettle", "pan", "teapot", "bread bin"),
    "garden": ("planter", "trellis", "watering can", "bird bath"),
    "office": ("desk", "shelf", "pinboard", "filing cabinet"),
}
_PURPOSES = ("For every day", "A gift for somebody", "To last", "Made to order", "The last of its kind")


def main() -> int:
    """Write the file."""
    arguments = _parser().parse_args()
    if arguments.rows < 1:
        raise UsageError(f"--rows {arguments.rows}: at least one row is needed")
    try:
        with arguments.output.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(items(arguments.rows, random.Random(arguments.seed)))
    except OSError as error:
        raise UsageError(f"cannot write {arguments.output}: {error.strerror or error}") from error
    print(f"{arguments.output}: {arguments.rows} rows")
    return 0


def items(count: int, rng: random.Random) -> Iterator[dict[str, str | int]]:
    """So many items; prices in cents are log-normal, as those of shops are: many cheap ones, few dear ones."""
    for _ in range(count):
        category = rng.choice(tuple(_THINGS))
        style, material, thing = rng.choice(_STYLES), rng.choice(_MATERIALS), rng.choice(_THINGS[category])
        yield {
            "name": f"{style} {material} {thing}",
            "description": f"{rng.choice(_PURPOSES)}: a {style.lower()} {thing} of {material}.",
            "category": category,
            "value": min(max(round(rng.lognormvariate(8.5, 0.9)), 100), 500_000),
        }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make rows of items for the performance tests.")
    parser.add_argument("--rows", type=int, default=200, metavar="N", help="how many (200)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed gives the same rows (1)")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE", help=f"the file ({OUTPUT})")
    return parser


if __name__ == "__main__":
    raise SystemExit(api.script(main))
