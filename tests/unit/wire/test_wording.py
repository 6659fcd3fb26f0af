from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.resources import DaskAutoscalerSpec, WorkerSpec
from reconciler.wire.wording import LONGEST_VALUE, did_you_mean, sentence, shown


class Sample(BaseModel):
    model_config = ConfigDict(strict=True)

    count: int = Field(default=0, ge=0, le=9)
    share: float = Field(default=0.5, gt=0, lt=1)
    name: str = Field(default="ab", min_length=2, max_length=3)
    mode: Literal["fast", "slow"] = "fast"
    on: bool = True
    when: datetime | None = None
    labels: dict[str, str] = {}
    items: list[int] = []
    bound: int | Annotated[str, Field(pattern="^[0-9]+%$")] = 0
    shape: Annotated[str, Field(pattern="^[a-z]+$")] = "a"


def complaint(model: type[BaseModel], data: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return sentence(caught.value, data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"count": -1}, "count is -1; it must be 0 or more"),
        ({"count": 10}, "count is 10; it must be 9 or less"),
        ({"count": "three"}, 'count is "three"; it must be a whole number'),
        ({"count": 1.5}, "count is 1.5; it must be a whole number"),
        ({"count": None}, "count is empty; it must be a whole number"),
        ({"share": 0.0}, "share is 0.0; it must be more than 0"),
        ({"share": 1.0}, "share is 1.0; it must be less than 1"),
        ({"share": "half"}, 'share is "half"; it must be a number'),
        ({"name": "a"}, 'name is "a"; it must have 2 or more characters'),
        ({"name": "abcd"}, 'name is "abcd"; it must have at most 3 characters'),
        ({"name": 3}, "name is 3; it must be text; put it in quotes"),
        ({"mode": "quick"}, 'mode is "quick"; it must be one of fast or slow'),
        ({"on": "maybe"}, 'on is "maybe"; it must be true or false'),
        ({"when": "soon"}, 'when is "soon"; it must be a time such as 2026-01-31T12:00:00Z'),
        ({"labels": []}, "labels is a list; it must be a mapping of names to values"),
        ({"labels": {"a": 1}}, "labels.a is 1; it must be text; put it in quotes"),
        ({"items": {}}, "items is a mapping; it must be a list"),
        ({"items": [1, "x"]}, 'items[1] is "x"; it must be a whole number'),
        ({"bound": "x"}, 'bound is "x"; it must be a whole number or a percentage such as 25%'),
        ({"shape": "A"}, 'shape is "A"; it must match ^[a-z]+$'),
        ([], "the whole is a list; it must be a mapping of names to values"),
        ({"count": -1, "on": 3}, "count is -1; it must be 0 or more; on is 3; it must be true or false"),
    ],
)
def test_a_wrong_value_is_told_with_field_value_and_remedy(data: Any, words: str) -> None:
    """Each wrong field is named once, with what it is and what it must be."""
    assert complaint(Sample, data) == words


def test_a_missing_field_is_told_as_missing() -> None:
    """A field that must be there and is not is named with its whole path."""
    assert complaint(WorkerSpec, {"replicas": 1}) == "spec is missing; add it"


def test_fields_at_odds_are_told_together() -> None:
    """A rule over several fields is told of the whole that holds them."""
    words = complaint(DaskAutoscalerSpec, {"cluster": "c", "minimum": 3, "maximum": 1})
    assert words == "the whole is wrong: minimum (3) must not be greater than maximum (1)"


def test_long_values_are_cut() -> None:
    """A value never takes more than one short line."""
    text = shown("x" * 1000)
    assert len(text) == LONGEST_VALUE
    assert text.endswith("…")


@pytest.mark.parametrize(("word", "hint"), [("replcas", " (did you mean replicas?)"), ("zzz", "")], ids=["near", "far"])
def test_only_a_near_word_is_suggested(word: str, hint: str) -> None:
    """A suggestion is made where a known word is near, and none where not."""
    assert did_you_mean(word, ["replicas", "spec"]) == hint
