"""The page of KubeCluster's arguments, from `TABLE`: `python -m kubecluster.reference`."""

from kubecluster.arguments import TABLE, Option

HEAD = """\
# KubeCluster's arguments

Each is an argument of `KubeCluster`, a key of Dask's configuration, and an environment variable: `count.start` is
`DASK_KUBERNETES__COUNT__START`. The argument wins over the configuration, the configuration over the default; `None`
counts as not given. A wrong value is a `TypeError` or a `ValueError` that names it, before Kubernetes is asked.

This page is generated from `kubecluster/src/kubecluster/arguments.py`; `make crds` writes it anew.

| argument | key below `kubernetes.` | default | meaning |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(f"{_row(name, option)}\n" for name, option in TABLE.items())


def _row(name: str, option: Option) -> str:
    default = "" if option.default is None else f"`{option.default}`"
    return f"| `{name}` | `{option.key}` | {default} | {option.meaning} |"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  # what it is for
