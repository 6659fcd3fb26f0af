"""The version of dask-kubecluster."""

__version__ = "0.1.0"
