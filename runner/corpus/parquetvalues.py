"""Arrow's types and values as this package's: which columns can be text or ids, and what their values are in Python.

Whole numbers and decimals are rendered by their digits, times as in ISO 8601, bytes as the UTF-8 they hold, else in
hexadecimal digits. Nothing here opens files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from runner.corpus.blocks import Trouble
from runner.corpus.decoding import UTF_8, Decoding

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def names_of(schema: Any) -> list[str]:
    """Every path of a schema: columns, and members of structs behind a dot."""
    return [name for field in schema for name in _paths(field)]


def _paths(field: Any) -> Iterator[str]:
    yield field.name
    if _types().is_struct(field.type):
        for place in range(field.type.num_fields):
            yield from (f"{field.name}.{below}" for below in _paths(field.type.field(place)))


def type_at(schema: Any, path: str) -> Any:
    """The type at a path that `names_of` has."""
    if path in schema.names:
        return schema.field(path).type
    first, *rest = path.split(".")
    kind = schema.field(first).type
    for name in rest:
        kind = kind.field(name).type
    return kind


def is_text(kind: Any) -> bool:
    """Whether a column of this type can be the text."""
    types = _types()
    if types.is_dictionary(kind):
        return is_text(kind.value_type)
    return types.is_null(kind) or _is_string(kind) or _is_bytes(kind)


def is_id(kind: Any) -> bool:
    """Whether a column of this type can be the id."""
    types = _types()
    if types.is_dictionary(kind):
        return is_id(kind.value_type)
    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return numbers or types.is_temporal(kind) or _is_string(kind) or _is_bytes(kind) or types.is_fixed_size_binary(kind)


def texts_of(values: Any, decoding: Decoding, troubles: dict[int, Trouble]) -> list[str | None]:
    """The texts of a column; what cannot be decoded is None, and explained in `troubles`."""
    flat = _flat(values)
    if not _is_bytes(flat.type):
        try:
            return list(flat.to_pylist())
        except UnicodeDecodeError:  # not what the file says that it is
            import pyarrow as pa

            flat = flat.cast(pa.large_binary())
            decoding = decoding._replace(encoding=UTF_8)
    texts: list[str | None] = []
    for row, data in enumerate(flat.to_pylist()):
        text, trouble = (None, None) if data is None else decoding.value(data)
        texts.append(text)
        if trouble is not None:
            troubles[row] = trouble
    return texts


def plain_of(values: Any) -> list[Any]:
    """The values of a column as Python's: None, bool, int, float, Decimal, str, and what is made of these."""
    import pyarrow as pa

    flat = _flat(values)
    types = _types()
    if types.is_timestamp(flat.type):
        return [text and text.replace(" ", "T", 1) for text in flat.cast(pa.string()).to_pylist()]
    if types.is_date(flat.type) or types.is_time(flat.type):
        return list(flat.cast(pa.string()).to_pylist())
    if _is_bytes(flat.type) or types.is_fixed_size_binary(flat.type):
        return [None if value is None else _bytes_as_text(value) for value in flat.to_pylist()]
    if _is_string(flat.type):
        try:
            return list(flat.to_pylist())
        except UnicodeDecodeError:
            return plain_of(flat.cast(pa.large_binary()))
    return list(flat.to_pylist())


def json_of(values: Any) -> list[bytes]:
    """The values of a column as compact JSON."""
    return [_encode(value) for value in plain_of(values)]


def _flat(values: Any) -> Any:
    """Dictionary-encoded values written out."""
    return values.dictionary_decode() if _types().is_dictionary(values.type) else values


def _bytes_as_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _is_string(kind: Any) -> bool:
    types = _types()
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_bytes(kind: Any) -> bool:
    types = _types()
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _types() -> Any:
    import pyarrow.types

    return pyarrow.types
