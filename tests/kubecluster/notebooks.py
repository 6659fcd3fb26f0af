"""A notebook's kernel, as far as a display needs one: what stands in its cells."""

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

Bundle = dict[str, str]


@dataclass
class Notebook:
    """A notebook.

    Attributes:
        outputs: What stands in it, in order: by its id, what is shown there now.
        is_broken: Whether it takes nothing any more.
    """

    outputs: dict[str, Bundle] = field(default_factory=dict)
    is_broken: bool = False

    def display(self, bundle: Bundle, *, raw: bool, display_id: bool) -> "Handle":
        """As `IPython.display.display`."""
        assert raw
        assert display_id
        handle = Handle(self, str(len(self.outputs)))
        handle.update(bundle, raw=True)
        return handle

    def start(self, monkeypatch: pytest.MonkeyPatch, *, has_kernel: bool = True) -> None:
        """Run this process in it, or, without a kernel, in IPython's shell on a terminal."""
        shell: Any = ModuleType("shell")
        if has_kernel:
            shell.kernel = object()
        ipython: Any = ModuleType("IPython")
        ipython.get_ipython = lambda: shell
        displays: Any = ModuleType("IPython.display")
        displays.display = self.display
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", displays)


@dataclass
class Handle:
    """An output, as `IPython.display.DisplayHandle`."""

    notebook: Notebook
    display_id: str

    def update(self, bundle: Bundle, *, raw: bool) -> None:
        assert raw
        if self.notebook.is_broken:
            raise RuntimeError("the kernel has lost its socket")
        self.notebook.outputs[self.display_id] = bundle
