"""Manifests from files, and all that is wrong with them.

files ──► documents ──► reading ──► owners           which objects would lose their owner
texts     values        objects,
  ▲         ▲           sorted ◄── headers           is it a manifest at all
watched_  loader,                  unknown_fields    which fields nobody knows there, and where they belong:
files     yaml_rules,                                places, shapes
          yaml_errors,             object_errors,    which values no Kubernetes would take
          scalars                  templates
"""

from reconciler.manifests.files import STANDARD_INPUT, Text
from reconciler.manifests.owners import LeftOut, owned
from reconciler.manifests.reading import Manifest, Other, Problem, Reader, Reading, read
from reconciler.manifests.watched_files import Watch

__all__ = [
    "STANDARD_INPUT",
    "LeftOut",
    "Manifest",
    "Other",
    "Problem",
    "Reader",
    "Reading",
    "Text",
    "Watch",
    "owned",
    "read",
]
