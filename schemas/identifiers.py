"""Identifiers: non-empty strings of at most 200 characters, opaque to us."""

from typing import Annotated

from pydantic import StringConstraints

ID_LENGTH = 200  # characters; contract section 2

# Control characters would break keys, log lines and terminals (our choice; the contract is silent).
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"

Id = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH, pattern=_PRINTABLE)]
"""An id as its owner wrote it, without control characters. Compared exactly, never parsed."""

RequestId = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH + 20, pattern=_PRINTABLE)]
"""The id of a request of ours: an invoice's id, a slash and a number, so it may be longer than an id."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH, pattern=_PRINTABLE)]
"""The name of a label."""

FreeText = Annotated[str, StringConstraints(max_length=4_000)]
"""Words of a person or a provider. Card numbers in it are masked before anything else sees it."""
