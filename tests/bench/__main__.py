"""`make bench`: measures what docs/benchmarks.md shows, and prints its table."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import asking, fill, growth, latency, quiet
from tests.bench.stage import daemon, stage
from tests.bench.table import Row, markdown

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "growth.svg"
_BESIDE_MANY = frozenset("bcdefg")
ROWS = """\
rows:
  a    100 clusters of 10 workers come up
  b    909 clusters of 10 workers come up; rows c to g follow on these 10,000 Pods
  c    another cluster meanwhile
  d    a full pass with nothing to do
  e    a minute of rest
  f    the most memory of the daemon
  g    one create and one edit
  h    growth on the API in memory; draws docs/pictures/growth.svg
  i    asking 500 schedulers of which 100 hang, and full passes meanwhile, on the API in memory
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="make bench",
        description=__doc__.partition("\n")[0],
        epilog=ROWS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", default="a,b,c,d,e,f,g,h,i", help="which, with commas between (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="of row a (default: 3)")
    parser.add_argument("--clusters", type=int, default=fill.MANY, help=f"of rows b to g (default: {fill.MANY})")
    parser.add_argument("--samples", type=int, default=50, help="of row g (default: 50)")
    parser.add_argument("--daemon", default="", help="flags for the daemon, such as --daemon=--interval=1s")
    asked = parser.parse_args()
    chosen, flags = frozenset(asked.rows.split(",")), asked.daemon.split()
    rows = []
    for row in _measured(chosen, flags, asked):
        print(f"bench: {row.work}: {row.measured} (floor {row.floor}, ratio {row.ratio})", file=sys.stderr)
        rows.append(row)
    print(markdown(sorted(rows, key=lambda row: row.work)))


def _measured(chosen: frozenset[str], flags: Sequence[str], asked: argparse.Namespace) -> Iterator[Row]:
    if "a" in chosen:
        yield from fill.few(asked.rounds, flags)
    if chosen & _BESIDE_MANY:
        yield from _beside_many(chosen, flags, asked)
    if "h" in chosen:
        found = growth.measure_each(growth.SIZES)
        PICTURE.write_text(growth.picture(found))
        yield growth.row(found)
    if "i" in chosen:
        yield from asking.rows()


def _beside_many(chosen: frozenset[str], flags: Sequence[str], asked: argparse.Namespace) -> Iterator[Row]:
    floors = (fill.floor(asked.clusters), fill.floor_of_everything(asked.clusters, flags)) if "b" in chosen else None
    with stage() as place, daemon(place.cluster, flags) as running:
        grown = fill.grow(place, asked.clusters, meanwhile="c" in chosen)
        if "d" in chosen:
            yield quiet.pass_row(place, running)
        if chosen & {"e", "f"}:
            yield from quiet.rest_rows(place, running)
        if "g" in chosen:
            yield from latency.rows(place, asked.samples)
        if chosen & {"b", "c"}:  # last, since the daemon may still be in the pass that made the Pods
            yield from fill.rows(grown, floors, running)


if __name__ == "__main__":
    main()
