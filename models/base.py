"""What every model shares: camelCase on the wire, object metadata, conditions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def wire_time(value: datetime) -> str:
    """A time as Kubernetes writes it: UTC, whole seconds, `Z`."""
    return value.strftime(TIME_FORMAT)


Time = Annotated[datetime, PlainSerializer(wire_time, when_used="json-unless-none")]


def _nothing_is_empty(value: Any) -> Any:
    """JSON null where a map or list belongs means it is empty, as the API server reads it."""
    return {} if value is None else value


def without_nulls(value: Any) -> Any:
    """A manifest without its null fields: to the API server they are as good as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(field) for key, field in value.items() if field is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


StringMap = Annotated[dict[str, str], BeforeValidator(_nothing_is_empty)]


class Model(BaseModel):
    """A frozen value with camelCase names on the wire; fields it does not know are left out."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    def wire(self) -> dict[str, Any]:
        """The value as JSON-ready data, without what is unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def written(self) -> dict[str, Any]:
        """The value as JSON-ready data, only what was given, without defaults."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class OwnerReference(Model):
    """A reference to the object that this one belongs to and is garbage-collected with."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class Meta(Model):
    """The metadata of an observed object: only the fields the reconciler reads."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: int | None = None
    labels: StringMap = Field(default_factory=dict)
    annotations: StringMap = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages this object, if any."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class Condition(Model):
    """One aspect of a resource's state, as the Kubernetes API conventions describe conditions."""

    type: str = Field(min_length=1, max_length=316)
    """What the condition is about, such as `Ready`."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: str = Field(min_length=1, max_length=1024)
    """Why, as one CamelCase word for programs."""
    message: str = Field(default="", max_length=32768)
    """Why, as a sentence for people."""
    observed_generation: int = Field(default=0, ge=0)
    """The `metadata.generation` that this condition was worked out for."""
    last_transition_time: Time | None = None
    """When `status` last changed."""


def find_condition(conditions: tuple[Condition, ...], type_: str) -> Condition | None:
    """The condition of that type, or `None`."""
    return next((condition for condition in conditions if condition.type == type_), None)
