"""What Dask schedulers are asked and told, as plain data.

    connect ──► Connection ──► identity, adaptive_target, processing, holdings, check_idle, retire ──► frozen values
                    │
              encode, packed ──► bytes ──► the scheduler ──► bytes ──► layout, decode ──► plain data

A scheduler is its user's, and hostile until proven otherwise: whoever runs one must not come by the daemon's rights.
`distributed` unpickles what schedulers answer, which executes it; so it is not imported, and nothing here unpickles.
docs/dask.md says what is asked, and which bounds answers have.
"""

from reconciler.dask.answers import Holding, Worker
from reconciler.dask.connection import Address, Connection, connect
from reconciler.dask.errors import DaskError, Malformed, SchedulerError, Silent, TooLarge, Unreachable
from reconciler.dask.scheduler import adaptive_target, check_idle, holdings, identity, processing, retire

__all__ = [
    "Address",
    "Connection",
    "DaskError",
    "Holding",
    "Malformed",
    "SchedulerError",
    "Silent",
    "TooLarge",
    "Unreachable",
    "Worker",
    "adaptive_target",
    "check_idle",
    "connect",
    "holdings",
    "identity",
    "processing",
    "retire",
]
