"""A command whose help teaches by examples, and numbers that are called so."""

from collections.abc import Mapping
from typing import Any

import click


class WholeNumber(click.IntRange):
    """A whole number, called so where it is none."""

    name = "whole number"


class Number(click.FloatRange):
    """A number, called so where it is none."""

    name = "number"


class Command(click.Command):
    """A command.

    Args:
        *arguments: click's.
        examples: What one may want, each with what to type after the program's name, which is `PROGRAM` later on.
        **more: click's.
    """

    def __init__(self, *arguments: Any, examples: Mapping[str, str], **more: Any) -> None:
        more["context_settings"] = {"help_option_names": ["-h", "--help"]}
        super().__init__(*arguments, **more)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        program = ctx.parent.command_path if ctx.parent else ""
        indent = " " * formatter.indent_increment
        with formatter.section("Examples"):
            for number, (what, line) in enumerate(self.examples.items()):
                formatter.write("\n" if number else "")
                formatter.write(f"{indent}# {what}\n{indent}{program} {line.replace('PROGRAM', program)}\n")
