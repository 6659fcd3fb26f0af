"""Manifests from files, and all that is wrong with them.

documents ──► reading ◄── fields
texts to      objects,    which fields
values        sorted      nobody knows
"""

from reconciler.manifests.reading import Manifest, Problem, Reading, read

__all__ = ["Manifest", "Problem", "Reading", "read"]
