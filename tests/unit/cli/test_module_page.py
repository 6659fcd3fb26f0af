"""The page of modules."""

from reconciler.cli.module_page import ROOT, modules_page


def test_the_page_says_what_the_modules_say() -> None:
    """docs/modules.md is made by `make crds` from the docstrings as they are."""
    assert (ROOT / "docs" / "modules.md").read_text() == modules_page()


def test_every_module_says_what_it_decides() -> None:
    """No row of the page is without words."""
    assert [line for line in modules_page().splitlines() if line.endswith("|  |")] == []
