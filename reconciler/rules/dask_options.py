"""What a container of Dask is told on its command line and by its environment.

Of a scheduler, that is the scheme and the ports that it listens on:

    scheme      --protocol tls                            its value, the first of several
                --tls-cert …, comm.require-encryption     tls
                --contact-address, --host tls://…         their scheme
                comm.default-scheme                       its value
    port        --port 8786, --host tls://0.0.0.0:8786    its value, the first of several
    dashboard   --dashboard-address :8787                 the port in it

Dask reads them in this order. Options are found in command and args alike, and in the text that a shell is given;
variables in their values are filled in from the container's own. What comes from files, ConfigMaps and Secrets cannot
be seen.
"""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import zip_longest
from typing import Any

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)(://.*)?")
_PORT = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:\[[^]]*\]|[^:\[\]]*):([1-9][0-9]{0,4})/?")
_REFERENCE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://\S+")
_BEFORE_HOST = re.compile(r"//[^/]*@")
_TLS = ("--tls-ca-file", "--tls-cert", "--tls-key")


@dataclass(frozen=True)
class DaskOptions:
    """What a scheduler's container is told, or a worker's.

    Args:
        container: The container, as its user wrote it.
    """

    container: Mapping[str, Any]

    @property
    def scheme(self) -> str:
        """The protocol that it speaks, such as `tcp` or `tls`; empty if nothing says so."""
        return next(filter(None, self._schemes()), "")

    @property
    def port(self) -> int | None:
        """The port on which it speaks that protocol; `None` if nothing says so."""
        return _port(self.option("--port")) or _port(self.option("--host"))

    @property
    def dashboard_port(self) -> int | None:
        """The port of its dashboard; `None` if nothing says so."""
        return _port(self.option("--dashboard-address"))

    def looked_for(self, usual: str) -> str:
        """Of a worker's container: the scheduler that it looks for, without what stands before an `@`.

        Args:
            usual: The address that it is given where its user gives it none.

        Returns:
            The address; empty if it is not known.
        """
        words = [self._filled_in(word) for word in self._words]
        pairs = zip(["", *words], words, strict=False)
        own = next((word for before, word in pairs if _ADDRESS.fullmatch(word) and not before.startswith("--")), "")
        given = [one for one in self.container.get("env") or () if one.get("name") == "DASK_SCHEDULER_ADDRESS"]
        named = self._filled_in(str(given[-1].get("value") or "")) if given else usual
        return _BEFORE_HOST.sub("//", own or named)

    def _schemes(self) -> Iterator[str]:
        yield _scheme(self.option("--protocol"))
        is_encrypted = self._configured("distributed.comm.require-encryption").lower() in ("true", "1")
        yield "tls" if is_encrypted or any(map(self.option, _TLS)) else ""
        for option in ("--contact-address", "--host"):
            yield _scheme(self.option(option)) if "://" in self.option(option) else ""
        yield _scheme(self._configured("distributed.comm.default-scheme"))

    def option(self, option: str) -> str:
        """The option's value; empty if it is not given."""
        for word, following in zip_longest(self._words, self._words[1:], fillvalue=""):
            name, equals, value = word.partition("=")
            if name == option and (value or (following and not equals)):
                return self._filled_in(value or following)
        return ""

    def _configured(self, key: str) -> str:
        """What an environment variable says for a key of Dask's configuration, however the variable is spelled."""
        for name, value in self._variables.items():
            if name.startswith("DASK_") and name[5:].lower().replace("__", ".").replace("_", "-") == key:
                return _interpreted(self._filled_in(value))
        return ""

    @cached_property
    def _words(self) -> list[str]:
        written = (*(self.container.get("command") or ()), *(self.container.get("args") or ()))
        return [word for text in written for word in _split(str(text))]

    @cached_property
    def _variables(self) -> dict[str, str]:
        """The container's variables whose values stand in its spec or in front of its command."""
        env = self.container.get("env") or ()
        given = {str(one.get("name")): str(one["value"]) for one in env if one.get("value") is not None}
        return given | {found[1]: found[2] for word in self._words if (found := _ASSIGNMENT.fullmatch(word))}

    def _filled_in(self, text: str) -> str:
        """The text with the variables in it replaced by their values, as far as these are known."""
        return _REFERENCE.sub(lambda found: self._variables.get(found[found.lastindex or 0], found[0]), text)


@lru_cache(maxsize=1024)
def _split(text: str) -> tuple[str, ...]:
    """A word of a command, or the words of a shell's text."""
    if not any(character.isspace() for character in text):
        return (text,)
    lines = _COMMENT.sub("", text).replace("\\\n", " ")
    words = shlex.shlex(lines, posix=True, punctuation_chars=";&|")
    words.whitespace_split, words.commenters = True, ""
    try:
        return tuple(words)
    except ValueError:  # a quotation that does not end
        return tuple(lines.split())


def _scheme(text: str) -> str:
    found = _SCHEME.fullmatch(text.partition(",")[0])
    return found[1] if found else ""


def _port(text: str) -> int | None:
    first = text.partition(",")[0]
    found = _PORT.fullmatch(first if ":" in first else f":{first}")
    return int(found[1]) if found else None


def _interpreted(value: str) -> str:
    """A value as Dask reads it: a Python literal, or else the text itself."""
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
