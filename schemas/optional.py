"""Fields that may be left out: `null` says the same, for many producers write every field they know."""

from collections.abc import Callable
from typing import Any

from pydantic import WrapValidator


def null_is(kind: Any, *, default: object) -> WrapValidator:
    """Read `null` as the field's default.

    Args:
        kind: the type of the field, for the schemas.
        default: what a field that is left out is; never changed by anyone.
    """

    def read(value: object, check: Callable[[object], object]) -> object:
        if value is None:
            return default
        # An array of the wire, strictly read.
        return check(tuple(value) if isinstance(value, list) else value)

    return WrapValidator(read, json_schema_input_type=kind | None)
