"""How a command ends: errors in words rather than tracebacks, and exit codes.

0     it is done, or so
1     an error of `kubecluster.errors`, in red
2     wrong usage, by click
130   Ctrl-C
141   nobody reads the output any more, as of a program that the signal for that ended
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from kubecluster.cli.words import failed, in_options
from kubecluster.errors import KubeClusterError

FAILED = 1
INTERRUPTED = 130
UNREAD = 141


@contextmanager
def ending() -> Iterator[None]:
    """Tell of errors, and end with their exit codes.

    Raises:
        Exit: the command ends so.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left to write goes nowhere, lest the end of Python complains again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(UNREAD) from None
    except (KubeClusterError, TimeoutError, OSError) as error:
        failed(error)
        raise click.exceptions.Exit(FAILED) from None
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def checked() -> Iterator[None]:
    """Tell of values that make no sense as of wrong usage.

    Raises:
        UsageError: something makes no sense.
    """
    try:
        yield
    except KubeClusterError:
        raise
    except (TypeError, ValueError) as error:
        words = in_options(str(error))
        stop = "" if words.endswith(("?", ".")) else "."
        raise click.UsageError(f"{words}{stop}", click.get_current_context(silent=True)) from None
