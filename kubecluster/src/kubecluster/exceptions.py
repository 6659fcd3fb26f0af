"""The names of `dask_kubernetes.exceptions`, for `except` clauses that were written against it."""

from kubecluster.errors import CrashLoop

CrashLoopBackOffError = CrashLoop
SchedulerStartupError = CrashLoop
ValidationError = ValueError
"""A name that no cluster can have."""

__all__ = ["CrashLoopBackOffError", "SchedulerStartupError", "ValidationError"]
