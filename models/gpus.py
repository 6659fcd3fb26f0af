"""The GPUs that a container asks for: of all its resources, these alone are kept of each observed Pod."""

import re
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core.core_schema import (
    CoreSchema,
    any_schema,
    dict_schema,
    no_info_after_validator_function,
    nullable_schema,
    plain_serializer_function_ser_schema,
    str_schema,
)

_GPU = re.compile(r"nvidia\.com/(gpu(\.shared)?|mig-[\w.-]+)|amd\.com/gpu|gpu\.intel\.com/(i915|xe)")
"""Whole GPUs and partitions of them. What else these vendors count is part of a GPU: memory, tiles, thousandths."""


def _gpus_of(resources: Any) -> tuple[tuple[str, int], ...]:
    """How many GPUs of each kind are asked for; Kubernetes wants limits and requests of them to be the same."""
    limits = (resources or {}).get("limits")
    if not isinstance(limits, dict):
        return ()
    return tuple(
        (name, int(number)) for name, number in limits.items() if _GPU.fullmatch(name) and str(number).isdecimal()
    )


class _Gpus:
    """Marks a field that is read from a container's `resources`."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        read = nullable_schema(dict_schema(str_schema(), any_schema()))
        written = plain_serializer_function_ser_schema(
            lambda gpus: {"limits": {name: str(number) for name, number in gpus}}
        )
        return no_info_after_validator_function(_gpus_of, read, serialization=written)


Gpus = Annotated[tuple[tuple[str, int], ...], _Gpus]
"""The GPUs that a container asks for: the resource, and how many."""
