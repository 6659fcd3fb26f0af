"""A result in the format that `--output` names: YAML or JSON."""

import json
from typing import Any


def written(body: Any, output: str) -> str:
    """A value as YAML or JSON; in YAML, what occurs twice is written twice."""
    if output == "json":
        return json.dumps(body, indent=2)
    import yaml  # noqa: PLC0415

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # as yaml has it
            return True

    return str(yaml.dump(body, Dumper=Plain, sort_keys=False, allow_unicode=True)).rstrip()
