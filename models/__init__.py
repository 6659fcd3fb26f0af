"""Pydantic models of what the reconciler reads and writes, and the generator of crds/."""
