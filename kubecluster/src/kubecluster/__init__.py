"""Dask clusters on Kubernetes from Python and the command line."""

from kubecluster._version import __version__

__all__ = ["__version__"]
