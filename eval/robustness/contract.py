"""What the OpenAPI description of a service says about a response, and what contradicts it."""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from eval.robustness.wire import RawRequest, RawResponse

UNDECLARED = "other routes"
"""The operation of a request to a path that the description does not have."""

LONGEST_S = 5.0
"""The longest that a response may take."""

# Routes that are not in the description, with the media types of their errors and of their pages.
_OUTSIDE = re.compile(r"/(mcp|page/|slack/|metrics|docs|openapi\.json|static-offline-docs|$)")


class Contract:
    """The operations of an OpenAPI description, with validators for their responses."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._components = description.get("components", {})
        self._operations = [
            (re.compile(_pattern(path)), path, operations)
            for path, operations in description["paths"].items()
        ]
        # Paths with fewer parameters come first: a fixed path wins over one with a parameter.
        self._operations.sort(key=lambda entry: (entry[1].count("{"), -len(entry[1])))
        self._validators: dict[tuple[str, str, str], Draft202012Validator] = {}

    def operation_of(self, request: RawRequest) -> str:
        """The method and path of a request as the description names them."""
        return self._find(request)[0]

    def faults(self, request: RawRequest, response: RawResponse) -> Iterator[str]:
        """What is wrong with a response, a line each."""
        if response.seconds > LONGEST_S:
            yield f"it took more than {LONGEST_S:g} s"
        refused = HTTPStatus.SERVICE_UNAVAILABLE
        is_busy = response.status == refused and "retry-after" in response.headers
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_busy:
            yield f"status {response.status}"
            return
        if not request.is_wellformed or request.method == b"HEAD":
            return
        name, operation = self._find(request)
        if operation is None:
            yield from self._faults_outside(request, response)
            return
        declared = operation["responses"].get(str(response.status))
        if declared is None:
            yield f"status {response.status} is not declared"
            return
        content = declared.get("content", {})
        if content and response.media_type not in content:
            yield f"media type {response.media_type!r} is not declared for {response.status}"
            return
        schema = content.get(response.media_type, {}).get("schema")
        if schema and response.media_type.endswith("json"):
            yield from self._faults_of_body(name, response, schema)

    def _faults_outside(self, request: RawRequest, response: RawResponse) -> Iterator[str]:
        """A path that nobody describes: its errors are problems all the same."""
        is_error = response.status >= HTTPStatus.BAD_REQUEST
        path = unquote(request.path)
        if is_error and not _OUTSIDE.match(path) and not response.media_type.endswith("json"):
            yield f"status {response.status} has media type {response.media_type!r}"

    def _faults_of_body(
        self, name: str, response: RawResponse, schema: Mapping[str, Any]
    ) -> Iterator[str]:
        key = (name, str(response.status), response.media_type)
        if key not in self._validators:
            self._validators[key] = Draft202012Validator({**schema, "components": self._components})
        try:
            body = json.loads(response.body)
        except ValueError:
            yield "the body is not JSON"
            return
        error = next(self._validators[key].iter_errors(body), None)
        if error is not None:
            yield f"the body breaks its schema at {error.json_path}: {error.message[:200]}"

    def _find(self, request: RawRequest) -> tuple[str, Mapping[str, Any] | None]:
        path, method = unquote(request.path, errors="replace"), request.method.decode("latin-1")
        for pattern, template, operations in self._operations:
            if pattern.fullmatch(path):
                operation = operations.get(method.lower()) if method.isupper() else None
                return (f"{method} {template}" if operation else UNDECLARED), operation
        return UNDECLARED, None


def _pattern(template: str) -> str:
    """A regular expression for a path of the description. Ids of documents may have slashes."""
    parts = re.split(r"(\{[^}]*\})", template)
    return "".join(
        ("(?s:.+)" if part in ("{document_id}", "{name}") else "[^/]+")
        if part.startswith("{")
        else re.escape(part)
        for part in parts
    )
