"""Whether a scheduler is idle, and how many Clients it has.

    release        has nothing to do?                      Clients?
    since 2023.3   `check_idle`, which also says since     /json/counts.json of its HTTP server
                   when
    older          /json/counts.json, now and then: what   likewise
                   happens in between is not seen

It notes since when it is idle when it is asked: so it is asked twice.
"""

from collections.abc import Callable

from models.idle_state import IdleQuestion, IdleState
from reconciler.dask.answers import counts_at
from reconciler.dask.connection import Address, Called, connect
from reconciler.dask.errors import DaskError
from reconciler.dask.page import fetch
from reconciler.dask.scheduler import check_idle, release

CONVERSATION_SECONDS = 5.0
"""How long a scheduler may take for each of the two ways."""
CHECKS_IDLE = (2023, 3)
"""The first release whose schedulers know `check_idle`."""
COUNTS = "/json/counts.json"


def idle_state(
    address: Address, pages: Callable[[], Address], question: IdleQuestion, called: Called = lambda _: None
) -> IdleState:
    """What a scheduler tells, or why it is not known.

    Args:
        address: Of the scheduler.
        pages: The address of its HTTP server; it may raise `DaskError`.
        question: What to ask.
        called: Told of each request.
    """
    try:
        with connect(address, seconds=CONVERSATION_SECONDS, called=called) as connection:
            since = check_idle(connection) or check_idle(connection)
            is_sampled = since is None and release(connection) < CHECKS_IDLE
        if since is None and not is_sampled:
            return IdleState()
        counts = None
        if question.counts_clients or is_sampled:
            counts = fetch(pages(), COUNTS, counts_at, seconds=CONVERSATION_SECONDS, called=called)
    except DaskError as error:
        return IdleState(error=error.message)
    mark = None if since is None else repr(since)
    if counts is None:
        return IdleState(is_idle=True, mark=mark)
    is_idle = not (is_sampled and counts.tasks) and not (question.counts_clients and counts.clients)
    return IdleState(is_idle, mark, counts.clients)
