"""Run Dask on Kubernetes: a polling, level-triggered reconciler in plain Python."""

__version__ = "0.1.0"
