"""Reads a description in `docs/openapi` and says in what a request or a reply departs from it.

Only what a description can say is checked: paths, headers, query, bodies, statuses. Nothing here knows a
provider; whatever is not described is a departure.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import yaml
from jsonschema_rs import Draft202012Validator

__all__ = ["Description", "Operation", "load", "read_description"]

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi"
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
# What any HTTP client sends.
_PLAIN: Final = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "connection", "content-type", "content-length"}
)


@dataclass(frozen=True)
class Parameter:
    name: str
    place: str  # path, query or header
    required: bool
    whole: bool
    schema: Draft202012Validator
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Reply:
    """One described reply. `bodies` is empty where it has none."""

    bodies: Mapping[str, Draft202012Validator]
    may_be_empty: bool


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    template: str
    pattern: re.Pattern[str]
    parameters: tuple[Parameter, ...]
    bodies: Mapping[str, Draft202012Validator]
    body_required: bool
    replies: Mapping[str, Reply]
    security: tuple[tuple[Mapping[str, str], ...], ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    def name_of(self, path: str) -> str:
        """The operation's id, with the product where its path may name one of several."""
        found = self.pattern.fullmatch(path)
        product = found.groupdict().get("product") if found else None
        return f"{self.id} ({product})" if product else self.id

    def names(self) -> tuple[str, ...]:
        """Every name that `name_of` can give."""
        for parameter in self.parameters:
            if parameter.name == "product":
                return tuple(f"{self.id} ({product})" for product in parameter.choices)
        return (self.id,)


class Description:
    def __init__(self, document: Mapping[str, Any]) -> None:
        whole = _inline(document, document)
        schemes = whole["components"]["securitySchemes"]
        self.operations = tuple(
            _read_operation(method.upper(), template, item, whole.get("security", []), schemes)
            for template, item in whole["paths"].items()
            for method in item
            if method in METHODS
        )

    def find(self, method: str, raw_path: str) -> Operation | None:
        for operation in self.operations:
            if operation.method == method and operation.pattern.fullmatch(raw_path):
                return operation
        return None

    def names(self) -> set[str]:
        return {name for operation in self.operations for name in operation.names()}

    def request_faults(
        self,
        operation: Operation,
        raw_path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Iterator[str]:
        """In what a request departs from its operation. `headers` by their names in small letters."""
        found = operation.pattern.fullmatch(raw_path)
        asked = parse_qsl(query, keep_blank_values=True)
        given = {
            "path": {}
            if found is None
            else {name: unquote(text) for name, text in found.groupdict().items()},
            "query": dict(asked),
            "header": dict(headers),
        }
        if len(given["query"]) < len(asked):
            yield "a query parameter comes twice"
        for parameter in operation.parameters:
            yield from _parameter_faults(parameter, given[parameter.place])
        known = {parameter.name for parameter in operation.parameters if parameter.place == "query"}
        yield from (f"unheard-of query parameter {name}" for name in given["query"].keys() - known)
        known = {parameter.name.lower() for parameter in operation.parameters if parameter.place == "header"}
        for schemes in operation.security:
            known |= {scheme.get("name", "authorization").lower() for scheme in schemes}
        yield from (f"unheard-of header {name}" for name in headers.keys() - known - _PLAIN)
        if operation.security and not any(_admits(schemes, headers) for schemes in operation.security):
            yield "credentials are missing or of another kind"
        yield from _body_faults(operation, headers.get("content-type", ""), body)

    def reply_faults(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes
    ) -> Iterator[str]:
        """In what a reply departs from those described. `headers` by their names in small letters."""
        reply = operation.replies.get(str(status)) or operation.replies.get(f"{status // 100}XX")
        if reply is None:
            yield f"unheard-of status {status}"
        elif not body:
            if reply.bodies and not reply.may_be_empty:
                yield f"{status} without a body"
        elif not reply.bodies:
            yield f"{status} with a body"
        else:
            typed = headers.get("content-type", "").partition(";")[0].strip()
            if typed not in reply.bodies:
                yield f"{status} with a body of type {typed!r}"
            else:
                yield from (f"{status}: {fault}" for fault in _faults(reply.bodies[typed], typed, body))


@cache
def load(name: str) -> dict[str, Any]:
    """The document as it is written."""
    with (FOLDER / f"{name}.yaml").open(encoding="utf-8") as file:
        document: dict[str, Any] = yaml.safe_load(file)
    return document


@cache
def read_description(name: str) -> Description:
    return Description(load(name))


def _read_operation(
    method: str,
    template: str,
    item: Mapping[str, Any],
    security: list[Mapping[str, Any]],
    schemes: Mapping[str, Mapping[str, str]],
) -> Operation:
    raw = item[method.lower()]
    parameters = tuple(map(_read_parameter, [*item.get("parameters", []), *raw.get("parameters", [])]))
    body = raw.get("requestBody", {})
    return Operation(
        id=raw["operationId"],
        method=method,
        template=template,
        pattern=_read_template(template, parameters),
        parameters=parameters,
        bodies=_read_bodies(body),
        body_required=body.get("required", False),
        replies={
            str(status): Reply(_read_bodies(reply), reply.get("x-may-be-empty", False))
            for status, reply in raw["responses"].items()
        },
        security=tuple(
            tuple(schemes[scheme] for scheme in alternative) for alternative in raw.get("security", security)
        ),
        raw=raw,
    )


def _read_template(template: str, parameters: tuple[Parameter, ...]) -> re.Pattern[str]:
    """The paths of a template. Each product has its own; any other part may be wrong in a request."""
    parts = {parameter.name: "[^/]+" for parameter in parameters}
    for parameter in parameters:
        if parameter.name == "product":
            parts["product"] = "|".join(map(re.escape, parameter.choices))
    pieces = re.split(r"\{(\w+)\}", template)
    named = (f"(?P<{name}>{parts[name]})" for name in pieces[1::2])
    texts = map(re.escape, pieces[0::2])
    return re.compile("".join(piece for pair in zip_longest(texts, named, fillvalue="") for piece in pair))


def _read_parameter(raw: Mapping[str, Any]) -> Parameter:
    schema = raw["schema"]
    return Parameter(
        name=raw["name"],
        place=raw["in"],
        required=raw.get("required", False),
        whole=schema.get("type") == "integer",
        schema=Draft202012Validator(schema),
        choices=tuple(map(str, schema.get("enum", ()))),
    )


def _read_bodies(raw: Mapping[str, Any]) -> dict[str, Draft202012Validator]:
    return {media: Draft202012Validator(body["schema"]) for media, body in raw.get("content", {}).items()}


def _parameter_faults(parameter: Parameter, given: Mapping[str, str]) -> Iterator[str]:
    name = parameter.name.lower() if parameter.place == "header" else parameter.name
    text = given.get(name)
    if text is None:
        if parameter.required:
            yield f"{parameter.place} parameter {parameter.name} is missing"
        return
    value: Any = int(text) if parameter.whole and re.fullmatch(r"-?[0-9]+", text) else text
    for error in parameter.schema.iter_errors(value):
        yield f"{parameter.place} parameter {parameter.name}: {error.message}"


def _admits(schemes: tuple[Mapping[str, str], ...], headers: Mapping[str, str]) -> bool:
    return all(_carries(scheme, headers) for scheme in schemes)


def _carries(scheme: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    if scheme["type"] == "apiKey":
        return bool(headers.get(scheme["name"].lower()))
    word, _, rest = headers.get("authorization", "").partition(" ")
    if scheme["scheme"] == "bearer":
        return word == "Bearer" and bool(re.fullmatch(r"[!-~]+", rest))
    try:
        return word == "Basic" and b":" in base64.b64decode(rest, validate=True)
    except ValueError:
        return False


def _body_faults(operation: Operation, content_type: str, body: bytes) -> Iterator[str]:
    if not body:
        if operation.body_required:
            yield "the body is missing"
        return
    if not operation.bodies:
        yield "a body where none is taken"
        return
    typed = content_type.partition(";")[0].strip()
    if typed not in operation.bodies:
        yield f"a body of type {typed!r}"
        return
    yield from (f"body: {fault}" for fault in _faults(operation.bodies[typed], typed, body))


def _faults(schema: Draft202012Validator, media: str, body: bytes) -> Iterator[str]:
    try:
        value = _read_body(media, body)
    except ValueError:
        yield f"not {media}"
        return
    for error in schema.iter_errors(value):
        place = "/".join(map(str, error.instance_path))
        yield f"{place or 'the whole'}: {error.message[:300]}"


def _read_body(media: str, body: bytes) -> Any:
    if media == JSON:
        return json.loads(body)
    if media == FORM:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict")
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a field comes twice")
        return dict(pairs)
    return body.decode()


def _inline(value: Any, whole: Mapping[str, Any]) -> Any:
    """`value` with every reference replaced by what it points at; ours do not go round in circles."""
    if isinstance(value, list):
        return [_inline(inner, whole) for inner in value]
    if not isinstance(value, Mapping):
        return value
    rest = {name: _inline(inner, whole) for name, inner in value.items() if name != "$ref"}
    if "$ref" not in value:
        return rest
    found: Any = whole
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return {**_inline(found, whole), **rest}
