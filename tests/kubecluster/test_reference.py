"""The page of arguments."""

import re
from pathlib import Path

from kubecluster import KubeCluster, reference
from kubecluster.arguments import TABLE

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_code_says() -> None:
    """docs/kubecluster-arguments.md is as `make crds` writes it."""
    assert (DOCS / "kubecluster-arguments.md").read_text() == reference.page()


def test_every_argument_is_in_the_documentation_of_the_class() -> None:
    """`help(KubeCluster)` has each argument, and none that there is not."""
    described = re.findall(r"^        (\w+): ", KubeCluster.__doc__ or "", re.MULTILINE)
    assert described == [*TABLE, "loop", "asynchronous", "scheduler_sync_interval"]


def test_the_migration_table_has_every_argument() -> None:
    """Whoever comes from dask-kubernetes finds each argument in docs/kubecluster.md."""
    page = (DOCS / "kubecluster.md").read_text()
    assert [name for name in TABLE if f"`{name}`" not in page] == []
