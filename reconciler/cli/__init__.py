"""The command line: `dask-reconciler`.

arguments ──► main ──► daemon    for ever, until a signal
what is       picks    once      one pass, dry or not
asked                  offline   a plan from manifests alone
"""

from reconciler.cli.main import main

__all__ = ["main"]
