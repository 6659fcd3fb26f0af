"""Lists, asked for in waves: those of a wave side by side, one wave after the other."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from models.snapshot import Observed, Unreadable
from reconciler.passes.cost import Cost, Stopwatch
from reconciler.rules.labels import COMPONENT
from reconciler.wire.errors import ApiError, Forbidden, NotFound
from reconciler.wire.parse import NotAListError, parse_list, resource_version
from reconciler.wire.protocol import API
from reconciler.wire.remedies import list_failed

Place = tuple[Kind, str | None]
"""What is listed or watched, and in which namespace; `None` for all."""

SELECTORS: Mapping[Kind, str] = {
    DASK_JOB: "",
    DASK_CLUSTER: "",
    DASK_WORKER_GROUP: "",
    DASK_AUTOSCALER: "",
    POD: COMPONENT,
    SERVICE: COMPONENT,
}
"""The label selectors of the kinds that are listed and watched, parents before their children."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A list to ask for."""

    kind: Kind
    namespace: str | None
    labels: str = ""
    fields: str = ""

    def __str__(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        return f"{self.kind.plural} {where}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a list failed.

    Args:
        ask: Which list.
        why: The reason and the remedy, as a sentence.
        retry_after_seconds: How long the server asks to be left alone, if it does.
        is_refused: Whether we lack a right to it, or there is no such kind.
    """

    ask: Ask
    why: str
    retry_after_seconds: float | None = None
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list brought.

    Args:
        ask: Which list.
        items: What is in it.
        version: Its resourceVersion; empty if it has none.
        costs: What it took to fetch and to parse it.
    """

    ask: Ask
    items: Sequence[Observed | Unreadable]
    version: str
    costs: tuple[Cost, Cost]


@dataclass(slots=True)
class Lists:
    """The lists that were asked for so far.

    Args:
        api: The API to ask.
        readers: The threads that list; without them, one list follows the other.
        known: What was observed before; what has not changed is taken from there.

    Attributes:
        failures: The first list that failed in each namespace.
    """

    api: API
    readers: Executor | None = None
    known: Mapping[Key, Observed] = field(default_factory=dict)
    failures: dict[str | None, Failure] = field(default_factory=dict)
    _listed: dict[Ask, Listed] = field(default_factory=dict)

    def wave(self, asks: Iterable[Ask]) -> Sequence[Observed]:
        """Ask for lists: each once, and none in a namespace in which one has failed.

        Returns:
            The objects in them that could be read.
        """
        asks = tuple(dict.fromkeys(asks))
        new = [ask for ask in asks if ask not in self._listed and ask.namespace not in self.failures]
        for answer in self._answers(new):
            if isinstance(answer, Failure):
                self.failures.setdefault(answer.ask.namespace, answer)
            else:
                self._listed[answer.ask] = answer
        items = (item for ask in asks if ask in self._listed for item in self._listed[ask].items)
        return [item for item in items if not isinstance(item, Unreadable)]

    def offer(self, asks: Iterable[Ask]) -> Sequence[Ask]:
        """Ask for lists without which the picture is complete all the same.

        Returns:
            Those that failed, for other reasons than that they are refused for good.
        """
        new = [ask for ask in dict.fromkeys(asks) if ask not in self._listed and ask.namespace not in self.failures]
        answers = list(self._answers(new))
        self._listed |= {answer.ask: answer for answer in answers if isinstance(answer, Listed)}
        return [answer.ask for answer in answers if isinstance(answer, Failure) and not answer.is_refused]

    def complete(self) -> Iterator[Listed]:
        """The lists of the namespaces in which none failed."""
        return (one for one in self._listed.values() if one.ask.namespace not in self.failures)

    def _answers(self, asks: Sequence[Ask]) -> Iterator[Listed | Failure]:
        if self.readers is not None:
            yield from self.readers.map(partial(_answer, self.api, self.known), asks)
            return
        for ask in asks:
            if ask.namespace not in self.failures:
                yield _answer(self.api, self.known, ask)


def _answer(api: API, known: Mapping[Key, Observed], ask: Ask) -> Listed | Failure:
    try:
        fetching = Stopwatch("fetch", ask.kind.plural, time.thread_time)
        payload = api.list(ask.kind, ask.namespace, labels=ask.labels, fields=ask.fields)
        fetched = fetching.stop(size=len(payload))
        parsing = Stopwatch("parse", ask.kind.plural, time.thread_time)
        items = parse_list(ask.kind, payload, known=known)
        return Listed(ask, items, resource_version(payload), (fetched, parsing.stop(objects=len(items))))
    except NotAListError as error:
        return Failure(ask, str(error))
    except ApiError as error:
        why, is_refused = list_failed(ask.kind, ask.namespace, error), isinstance(error, Forbidden | NotFound)
        return Failure(ask, why, error.retry_after_seconds, is_refused)
