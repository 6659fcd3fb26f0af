"""What one scheduler is asked of its workers, and which of them it is told to let go."""

import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from models.scheduler_answer import DaskWorker, SchedulerAnswer, numbered
from reconciler.dask.answers import Holding, Worker
from reconciler.dask.connection import Address, Called, Connection, connect
from reconciler.dask.errors import DaskError, TooLarge, Unreachable
from reconciler.dask.idle import idle_state
from reconciler.dask.plain import LARGE, SMALL, Bounds
from reconciler.dask.reach import Reach
from reconciler.dask.scheduler import adaptive_target, holdings, identity, processing, retire
from reconciler.rules.questions import Question

CONVERSATION_SECONDS = 5.0
"""How long a scheduler may take for all that it is asked."""
RETIRING_SECONDS = 2.0
"""How long it is waited for what retiring workers hand over; the scheduler goes on with it afterwards."""
READ_AT_ONCE = 2
"""How many large answers are read at a time, since each may take much memory. For small ones nobody waits: else a few
schedulers that hang would hold up all others."""
MOST_IN_A_POD = 256
"""How many workers of a cluster are kept for each of its Pods, the largest of which have as many processors."""
FEW_WORKERS = 500
"""With so many an answer is expected to be small."""
LETS_GO = "closing_gracefully"
"""The status of a worker that its scheduler gives nothing more to do."""

DIRECTLY = Reach()
"""At the addresses of Pods, and in the clear."""

_NOTHING = Holding(0, 0)
_UNKNOWN = Holding(1, 0)
"""What a worker holds if that is too much to be told: something."""
_reading = threading.Semaphore(READ_AT_ONCE)


def ask(
    question: Question, before: SchedulerAnswer, reach: Reach = DIRECTLY, called: Called = lambda _: None
) -> SchedulerAnswer:
    """Ask a scheduler of its workers, and have it let those go that are to go.

    What they do and hold is asked only if something waits for the answer.

    Args:
        question: What to ask.
        before: What it told before.
        reach: How it is reached.
        called: Told of each request.

    Returns:
        What it tells, without the time.

    Raises:
        DaskError: it does not answer.
    """
    address = reach.address(question)
    try:
        return _ask(question, before, address, reach, called)
    except Unreachable:
        reach.failed(question)
        raise


def _ask(
    question: Question, before: SchedulerAnswer, address: Address, reach: Reach, called: Called
) -> SchedulerAnswer:
    targets = _targets(question, address, called)
    if question.only_targets:
        return replace(before, targets=targets)
    workers: Mapping[str, DaskWorker] = {}
    try:
        is_large = len(before.workers) > FEW_WORKERS
        workers = {} if is_large else _workers(question, address, before, SMALL, called)
    except TooLarge:
        is_large = True
    if is_large:
        with _reading:
            workers = _workers(question, address, before, LARGE, called)
    told = _of_interest(question, workers.values())
    if len(told.workers) > MOST_IN_A_POD * len(question.pods):
        what = f"{len(told.workers):,} workers, and {len(question.pods):,} Pods have {MOST_IN_A_POD} each at most"
        raise TooLarge(f"The scheduler at {address} told of {what}; see what joins under the names of Pods.")
    if question.idle is not None:
        told = replace(told, idle=idle_state(address, lambda: reach.pages(question), question.idle, called))
    told = replace(told, targets=targets)
    going = {worker.name for pod, ip in question.retire for worker in told.workers_in(pod, ip)}
    asked = (at for at, one in workers.items() if one.name in going)
    _let_go(address, [at for at in asked if _is_to_be_asked(workers[at], before.worker(workers[at].name))], called)
    return told


def _of_interest(question: Question, workers: Collection[DaskWorker]) -> SchedulerAnswer:
    """What is kept: nothing but the workers in the cluster's own Pods, whatever else a scheduler tells."""
    names, hosts = ({place[part] for place in question.pods} - {""} for part in (0, 1))
    inside, has_others = [], False
    for worker in workers:
        if worker.name in names or numbered(worker.name) in names or worker.host in hosts:
            inside.append(worker)
        elif not worker.is_retiring:
            has_others = True
    return SchedulerAnswer(
        question.pod_uid,
        workers=tuple(inside),
        is_weighed=question.is_urgent,
        tells_tasks=_tells_tasks(question),
        has_others=has_others,
    )


def _tells_tasks(question: Question) -> bool:
    return question.is_urgent or question.shares


def _targets(question: Question, address: Address, called: Called) -> Mapping[int | None, int]:
    """How many workers the scheduler would like to have."""
    if not question.targets:
        return {}
    with connect(address, seconds=CONVERSATION_SECONDS, called=called) as connection:
        return {
            seconds: min(question.most, adaptive_target(connection, target_duration_seconds=seconds))
            for seconds in question.targets
        }


def _workers(
    question: Question, address: Address, before: SchedulerAnswer, bounds: Bounds, called: Called
) -> Mapping[str, DaskWorker]:
    """The workers, by address."""
    with connect(address, seconds=CONVERSATION_SECONDS, called=called) as connection:
        found = identity(connection, bounds)
        tasks = processing(connection, bounds) if _tells_tasks(question) else {}
        held = _holdings(connection, found, bounds) if question.is_urgent else {}
    return {
        at: _worker(one, tasks.get(at, 0), held.get(at, _NOTHING), before.worker(one.name)) for at, one in found.items()
    }


def _holdings(connection: Connection, found: Mapping[str, Worker], bounds: Bounds) -> Mapping[str, Holding]:
    try:
        return holdings(connection, bounds)
    except TooLarge:
        if bounds is not LARGE:
            raise
        return dict.fromkeys(found, _UNKNOWN)


def _worker(worker: Worker, tasks: int, held: Holding, before: DaskWorker | None) -> DaskWorker:
    is_retiring = worker.status == LETS_GO
    heartbeats = 0
    if is_retiring and before is not None and before.is_retiring:
        heartbeats = before.heartbeats + (before.heard != worker.last_seen)
    return DaskWorker(
        worker.name,
        worker.host,
        is_retiring,
        tasks,
        tasks if worker.running is None else worker.running,
        worker.last_seen,
        heartbeats,
        held.unique_keys,
        held.unique_bytes,
        worker.managed_bytes,
        worker.nthreads,
    )


def _is_to_be_asked(worker: DaskWorker, before: DaskWorker | None) -> bool:
    """Whether a scheduler is to be told, once more, to let a worker go.

    It goes on with what it was told. Each time that it is told it looks once more at all that the worker holds, again
    and again: so it is told anew of what has been added since by tasks that ended, else less and less often.
    """
    if not worker.is_retiring:
        return True
    has_more = worker.unique_keys > (before.unique_keys if before is not None else 0)
    has_beaten = before is None or before.heard != worker.heard
    is_power_of_two = not worker.heartbeats & (worker.heartbeats - 1)
    return has_more or (worker.unique_keys > 0 and has_beaten and is_power_of_two)


def _let_go(address: Address, workers: list[str], called: Called) -> None:
    """Have workers hand over what only they hold; what takes longer goes on without us."""
    if not workers:
        return
    with suppress(DaskError), connect(address, seconds=RETIRING_SECONDS, called=called) as connection:
        retire(connection, workers, SMALL)  # what of the answer is too large says nothing new
