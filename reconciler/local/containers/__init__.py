"""Containers: what to run for them on this machine, and the processes that come of it."""
