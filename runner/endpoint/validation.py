"""Requests held against botocore's service model: presence, type, length, pattern, enum, range.

Owns the rules and the wording of AWS's validation errors. Knows nothing of jobs. Shapes are compiled to
functions once, so that a request costs microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from runner.endpoint.protocol import ApiError, service_model

__all__ = ["compile_shape", "java_pattern", "understood", "validate"]

Check = Callable[[Any, str, list[str]], None]
"""(value, path, problems) appends what is wrong; a value of another type raises ApiError at once."""

_SHOWN_MAX: Final = 1024  # of a refused value, in the message

# Python's re has no \p{...}. \w is letters, numbers and `_`; the model never allows letters or numbers without `_`.
# Separators are spelled out; C (control, unassigned, private, surrogate) is approximated by the control characters.
_JAVA: Final = (
    (r"\p{L}", r"\w"),
    (r"\p{N}", r"\w"),
    (r"\p{Z}", "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"),
    (r"\p{ASCII}", "[\x00-\x7f]"),
    (r"\P{C}", "[^\x00-\x1f\x7f-\x9f]"),
)


def validate(operation: str, members: dict[str, Any]) -> None:
    """Raise the ApiError that AWS raises if `members` are no valid input of `operation`.

    ValidationException lists every constraint that fails; SerializationException is a wrong type. Unknown
    members are let through, as AWS does.
    """
    problems: list[str] = []
    _input_check(operation)(members, "", problems)
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise ApiError("ValidationException", f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


def understood(operation: str, members: dict[str, Any]) -> dict[str, Any]:
    """Valid members as the service takes them: without nulls, and without members that its model does not have."""
    kept: dict[str, Any] = _pruner(service_model()["operations"][operation]["input"]["shape"])(members)
    return kept


@cache
def _pruner(name: str) -> Callable[[Any], Any]:
    shape = service_model()["shapes"][name]
    if shape["type"] == "structure":
        inner = {name: member["shape"] for name, member in shape["members"].items()}
        return lambda value: {
            name: _pruner(inner[name])(item) for name, item in value.items() if item is not None and name in inner
        }
    if shape["type"] == "list":
        each = shape["member"]["shape"]
        return lambda value: [_pruner(each)(item) for item in value]
    return _itself


def _itself(value: Any) -> Any:
    return value


@cache
def _input_check(operation: str) -> Check:
    return compile_shape(service_model()["operations"][operation]["input"]["shape"])


@cache
def compile_shape(name: str) -> Check:
    """The check of one shape of the model, with everything below it."""
    shape = service_model()["shapes"][name]
    return _COMPILERS[shape["type"]](shape)


def java_pattern(pattern: str) -> re.Pattern[str]:
    """The model's pattern, in Python's dialect; to be used with fullmatch, as Java's validators do."""
    for java, python in _JAVA:
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _structure(shape: dict[str, Any]) -> Check:
    required = tuple(shape.get("required", ()))
    # Compiled at first use: the model's shapes may contain themselves.
    members = {name: member["shape"] for name, member in shape["members"].items()}

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not isinstance(value, dict):
            raise _wrong_type(value, "a structure")
        missing = [name for name in required if value.get(name) is None]
        problems += [_problem(None, _join(path, name), "Member must not be null") for name in missing]
        for name, item in value.items():
            if item is not None and name in members:
                compile_shape(members[name])(item, _join(path, name), problems)

    return check


def _list(shape: dict[str, Any]) -> Check:
    length = _length(shape)
    member = shape["member"]["shape"]

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not isinstance(value, list):
            raise _wrong_type(value, "a list")
        length(value, path, problems)
        inner = compile_shape(member)
        for position, item in enumerate(value, start=1):
            inner(item, f"{path}.{position}.member", problems)

    return check


def _map(shape: dict[str, Any]) -> Check:
    key, item = shape["key"]["shape"], shape["value"]["shape"]

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not isinstance(value, dict):
            raise _wrong_type(value, "a map")
        for name, inner in value.items():
            compile_shape(key)(name, f"{path}.{name}", problems)
            compile_shape(item)(inner, f"{path}.{name}", problems)

    return check


def _string(shape: dict[str, Any]) -> Check:
    length = _length(shape)
    choices = shape.get("enum")
    pattern = shape.get("pattern")
    matches = java_pattern(pattern).fullmatch if pattern else None

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not isinstance(value, str):
            raise _wrong_type(value, "a String")
        length(value, path, problems)
        if choices is not None and value not in choices:
            allowed = ", ".join(choices)
            problems.append(_problem(value, path, f"Member must satisfy enum value set: [{allowed}]"))
        if matches is not None and not matches(value):
            problems.append(_problem(value, path, f"Member must satisfy regular expression pattern: {pattern}"))

    return check


def _integer(shape: dict[str, Any]) -> Check:
    return _number(shape, (int,), "an Integer")


def _float(shape: dict[str, Any]) -> Check:
    return _number(shape, (int, float), "a Float")


def _number(shape: dict[str, Any], types: tuple[type, ...], noun: str) -> Check:
    low, high = shape.get("min"), shape.get("max")

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not isinstance(value, types) or isinstance(value, bool):
            raise _wrong_type(value, noun)
        if low is not None and value < low:
            problems.append(_problem(value, path, f"Member must have value greater than or equal to {low}"))
        if high is not None and value > high:
            problems.append(_problem(value, path, f"Member must have value less than or equal to {high}"))

    return check


def _boolean(_shape: dict[str, Any]) -> Check:
    def check(value: Any, _path: str, _problems: list[str]) -> None:
        if not isinstance(value, bool):
            raise _wrong_type(value, "a Boolean")

    return check


def _timestamp(_shape: dict[str, Any]) -> Check:
    def check(value: Any, _path: str, _problems: list[str]) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _wrong_type(value, "a Timestamp")

    return check


def _blob(_shape: dict[str, Any]) -> Check:
    def check(value: Any, _path: str, _problems: list[str]) -> None:
        if not isinstance(value, str):
            raise _wrong_type(value, "a Blob")

    return check


_COMPILERS: Final[dict[str, Callable[[dict[str, Any]], Check]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _length(shape: dict[str, Any]) -> Check:
    low, high = shape.get("min"), shape.get("max")

    def check(value: Any, path: str, problems: list[str]) -> None:
        if low is not None and len(value) < low:
            problems.append(_problem(value, path, f"Member must have length greater than or equal to {low}"))
        if high is not None and len(value) > high:
            problems.append(_problem(value, path, f"Member must have length less than or equal to {high}"))

    return check


def _problem(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:_SHOWN_MAX]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _wrong_type(value: Any, wanted: str) -> ApiError:
    found = {dict: "STRUCTURE_VALUE", list: "LIST_VALUE", str: "STRING_VALUE", bool: "TRUE_VALUE"}
    kind = "NULL_VALUE" if value is None else found.get(type(value), "NUMBER_VALUE")
    return ApiError("SerializationException", f"{kind} can not be converted to {wanted}")
