"""The tables of docs/autoscaling.md."""

import sys
from collections.abc import Callable, Mapping

from tests.bench.adapting.rules import Rule
from tests.bench.adapting.traces import RULES, TRACES, WINDOWS, outcome


def table(rules: Mapping[str, Callable[[int], Rule]]) -> str:
    """What each of these rules makes of each trace."""
    lines = [["trace", *rules], ["---"] * (len(rules) + 1)]
    for name, trace in TRACES.items():
        found = (outcome(trace, rule) for rule in rules.values())
        lines.append([name, *(f"{one.paid:,} / {one.finished:,} / {one.turns}" for one in found)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(f"{table(RULES)}\n{table(WINDOWS)}")
