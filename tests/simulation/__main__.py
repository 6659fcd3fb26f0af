"""Tell many stories, or one again: `python -m tests.simulation --seeds 1000`, `--seed 17`."""

import argparse
import sys
import time

from tests.simulation.shrinking import MOST_TRIES, Shrinker
from tests.simulation.stories import Story, draw
from tests.simulation.trials import Failure, attempt


def failure_of(seed: int, tries: int = MOST_TRIES) -> str | None:
    """How the story of a seed fails, with the shortest one that fails alike; `None` if it does not."""
    story = draw(seed)
    failure = attempt(story)
    if failure is None:
        return None
    return "\n".join(told(seed, *_shortest(story, failure, tries)))


def told(seed: int, story: Story, failure: Failure) -> list[str]:
    """A failure as it is printed."""
    head = [f"seed {seed}: {failure.why}", f"at {failure.where}", "", "The shortest story that fails so:"]
    return [*head, *(f"  {line}" for line in story.lines()), "", "What happened in it:", *failure.journal]


def _shortest(story: Story, failure: Failure, tries: int) -> tuple[Story, Failure]:
    def fails(other: Story) -> bool:
        found = attempt(other)
        return found is not None and found.where == failure.where

    shortest = Shrinker(fails, tries).shortest(story)
    return shortest, attempt(shortest) or failure


def main() -> int:
    """Tell stories until all are told; the exit code is 1 if one failed."""
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=200, help="how many stories")
    arguments.add_argument("--first", type=int, default=0, help="the first seed")
    arguments.add_argument("--seed", type=int, help="this story alone")
    given = arguments.parse_args()
    seeds = range(given.first, given.first + given.seeds) if given.seed is None else [given.seed]
    begun, failed = time.perf_counter(), 0
    for seed in seeds:
        failure = failure_of(seed)
        if failure is not None:
            failed += 1
            print(failure, end="\n\n", flush=True)
    print(f"{len(seeds)} stories in {time.perf_counter() - begun:.0f} s, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
