"""Which error an answer means, and what else it says."""

import json

import pytest

from models.kinds import DASK_CLUSTER, POD, Key
from reconciler.api.answer import Answer, error, error_class, listed, reply, retry_after_seconds, warnings
from reconciler.api.request import Request, deletion, listing, patch
from reconciler.wire.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Refused,
    ServerError,
    TooManyRequests,
    Unavailable,
    UnknownOutcome,
)

WRITE = patch(Key(POD, "default", "p"), {}, None)
READ = listing(DASK_CLUSTER, None, "", "")


def status(code: int, message: str, reason: str = "", **more: object) -> bytes:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    return json.dumps(body | {"reason": reason} | more).encode()


@pytest.mark.parametrize(
    ("code", "reason", "to_a_write", "to_a_read"),
    [
        (301, "", ServerError, ServerError),
        (302, "", ServerError, ServerError),
        (400, "BadRequest", Invalid, Invalid),
        (401, "Unauthorized", Forbidden, Forbidden),
        (403, "Forbidden", Forbidden, Forbidden),
        (404, "NotFound", NotFound, NotFound),
        (404, "", NotFound, NotFound),
        (405, "MethodNotAllowed", Refused, Refused),
        (406, "NotAcceptable", Refused, Refused),
        (408, "", ServerError, ServerError),
        (409, "AlreadyExists", AlreadyExists, AlreadyExists),
        (409, "Conflict", Conflict, Conflict),
        (409, "", Conflict, Conflict),
        (410, "Expired", Gone, Gone),
        (410, "Gone", Gone, Gone),
        (412, "", Conflict, Conflict),
        (413, "RequestEntityTooLarge", Invalid, Invalid),
        (415, "UnsupportedMediaType", Invalid, Invalid),
        (418, "", Refused, Refused),
        (422, "Invalid", Invalid, Invalid),
        (429, "TooManyRequests", TooManyRequests, TooManyRequests),
        (500, "InternalError", UnknownOutcome, ServerError),
        (500, "ServerTimeout", UnknownOutcome, ServerError),
        (501, "", UnknownOutcome, ServerError),
        (502, "", UnknownOutcome, ServerError),
        (503, "ServiceUnavailable", ServerError, ServerError),
        (504, "Timeout", UnknownOutcome, ServerError),
        (599, "", UnknownOutcome, ServerError),
    ],
)
def test_each_answer_has_its_class(
    code: int, reason: str, to_a_write: type[ApiError], to_a_read: type[ApiError]
) -> None:
    """An answer's status and reason, and whether it was a write, decide its class and nothing else does."""
    assert error_class(code, reason, writes=True) is to_a_write
    assert error_class(code, reason, writes=False) is to_a_read


def test_an_error_carries_the_servers_words() -> None:
    """The message is the API server's own, word for word, with its reason and status."""
    words = 'pods "p" is forbidden: exceeded quota: small, requested: pods=1, used: pods=10, limited: pods=10'
    failure = error(Answer(403, (), status(403, words, "Forbidden")), WRITE)
    assert isinstance(failure, Forbidden)
    assert (failure.message, str(failure), failure.reason, failure.status) == (words, words, "Forbidden", 403)


def test_a_uid_that_does_not_match_is_a_conflict() -> None:
    """The server calls another uid in the body an invalid change, but it is another object of the same name."""
    details = {"causes": [{"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "field is immutable"}]}
    failure = error(Answer(422, (), status(422, "Pod p is invalid: metadata.uid", "Invalid", details=details)), WRITE)
    assert (type(failure), failure.status, failure.reason) == (Conflict, 422, "Invalid")
    details["causes"][0]["field"] = "spec"
    assert type(error(Answer(422, (), status(422, "wrong", "Invalid", details=details)), WRITE)) is Invalid


def test_an_apply_of_fields_that_are_not_in_the_schema_is_invalid() -> None:
    """The server answers a 500 to it, but before it writes anything, and always will; other 500s remain unknown."""
    words = (
        "failed to create typed patch object (default/s; /v1, Kind=Service): .spec.foo: field not declared in schema"
    )
    assert type(error(Answer(500, (), status(500, words)), WRITE)) is Invalid
    assert type(error(Answer(500, (), status(500, "etcd: " + words)), WRITE)) is UnknownOutcome


def test_an_error_without_a_status_object_says_what_came_instead() -> None:
    """A proxy's page is shown as text, cut short, with the request that it answers and its content type."""
    page = b"<html><head><title>502 Bad Gateway</title></head>\n<body>nginx " + b"x" * 5000
    failure = error(Answer(502, (("Content-Type", "text/html"),), page), WRITE)
    assert isinstance(failure, UnknownOutcome)
    assert failure.message.startswith(
        "PATCH pods default/p: 502 Bad Gateway with no object of Kubernetes, but text/html"
    )
    assert "nginx" in failure.message
    assert "<" not in failure.message
    assert len(failure.message) < 500


def test_a_kind_that_the_server_does_not_know_is_named_with_the_remedy() -> None:
    """The plain 404 for an unknown group asks whether the custom resource definition is there."""
    failure = error(Answer(404, (("Content-Type", "text/plain"),), b"404 page not found\n"), READ)
    assert isinstance(failure, NotFound)
    assert "LIST daskclusters" in failure.message
    assert "is its custom resource definition installed?" in failure.message


def test_a_reason_is_believed_only_from_a_status_object() -> None:
    """JSON of another kind is not taken for the API server's word."""
    failure = error(Answer(409, (), b'{"reason": "AlreadyExists", "message": "no"}'), WRITE)
    assert type(failure) is Conflict


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({"Retry-After": "7"}, None, 7.0),
        ({"retry-after": " 0 "}, None, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:30 GMT"}, None, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, None, 0.0),
        ({}, {"retryAfterSeconds": 3}, 3.0),
        ({"Retry-After": "1"}, {"retryAfterSeconds": 3}, 1.0),
        ({}, None, None),
        ({"Retry-After": "soon"}, None, None),
        ({"Retry-After": "-1"}, None, None),
        ({"Retry-After": "nan"}, None, None),
        ({}, {"retryAfterSeconds": "x"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], details: object, seconds: float | None) -> None:
    """Seconds, a date on the server's own clock, or the Status object's details; anything else is nothing."""
    assert retry_after_seconds(Answer(429, tuple(headers.items()), b""), details) == seconds


def test_a_kind_that_was_just_installed_is_told_in_words() -> None:
    """Admission learns of new kinds twice a minute; until then it is a refusal that only sounds like a fault."""
    message = (
        'pods "c-scheduler" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping '
        "for APIVersion kubernetes.dask.org/v1 Kind DaskCluster: no matches for kind "
        '"DaskCluster" in version "kubernetes.dask.org/v1"'
    )
    found = error(Answer(403, (), status(403, message, "Forbidden")), WRITE)
    assert isinstance(found, Forbidden)
    assert found.message.startswith("the kind DaskCluster is new to Kubernetes")


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        ((), ()),
        (('299 - "unknown field \\"spec.foo\\""',), ('unknown field "spec.foo"',)),
        (('299 - "one"', '299 - "two"'), ("one", "two")),
        (('299 - "one, with a comma", 299 kube:6443 "two"',), ("one, with a comma", "two")),
        (('299 - "dated" "Wed, 21 Oct 2026 07:28:00 GMT"',), ("dated",)),
        (('299 - "a back\\\\slash"',), ("a back\\slash",)),
        (('299 - "unbekanntes Feld „größe“"'.encode().decode("latin-1"),), ("unbekanntes Feld „größe“",)),
        (("nonsense",), ()),
    ],
)
def test_warnings_are_read_from_their_headers(headers: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Each warning's text comes out as the server meant it: unquoted, in UTF-8, in order."""
    assert warnings(Answer(200, tuple(("Warning", value) for value in headers), b"")) == texts


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"ok": true}', b"<html>", b'{"kind": "Pod"', b"\xff\xfe"]
)
@pytest.mark.parametrize("request_", [WRITE, deletion(Key(POD, "default", "p"), "u")])
def test_a_success_without_an_object_leaves_a_writes_outcome_unknown(body: bytes, request_: Request) -> None:
    """A 200 whose body is no Kubernetes object did not come from the API server, so nobody knows what happened."""
    with pytest.raises(UnknownOutcome, match="200 OK with no object of Kubernetes"):
        reply(Answer(200, (), body), request_)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"error": "log in"}', b"<html>", b'{"kind": "PodList", "items": [{', b'"items"'],
)
def test_what_is_no_list_is_never_read_as_an_empty_one(body: bytes) -> None:
    """A 200 to a list must hold a JSON object with items, from its first brace to its last."""
    with pytest.raises(Unavailable):
        listed(Answer(200, (), body), READ)


def test_a_list_is_handed_on_as_it_came() -> None:
    """The bytes are not touched, nor parsed."""
    body = b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[]}\n'
    assert listed(Answer(200, (), body), READ) is body
