"""What is looked up in a table by a word of the wire has a row for each: a new word fails here, not in a worker."""

from collections.abc import Collection
from typing import get_args

import pytest

from dunning.declines.handbook import MEANINGS
from dunning.declines.verdicts import STRICTNESS
from dunning.engine import _HANDLERS
from dunning.explanation.reasons import SPEAKERS
from dunning.explanation.sentences import _MOVED_BY, _TRIED
from dunning.payment_methods import _CHANGES
from dunning.reasons import Cause
from dunning.records import CLASS_OF, LETTER_OF
from schemas.charges import Dialect, Initiator
from schemas.decisions import DeclineClass, RequestReason
from schemas.events import InputData
from schemas.payment_methods import InstrumentChange


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (_HANDLERS, get_args(InputData)),
        (_CHANGES, InstrumentChange),
        (CLASS_OF.values(), DeclineClass),
        (LETTER_OF, DeclineClass),
        (STRICTNESS, DeclineClass),
        (MEANINGS, DeclineClass),
        (SPEAKERS, Dialect),
        (_TRIED, Initiator),
        (_MOVED_BY, (*get_args(get_args(Cause)[0]), *RequestReason)),
    ],
    ids=[
        "events",
        "changes",
        "letters",
        "classes",
        "strictness",
        "meanings",
        "speakers",
        "initiators",
        "causes",
    ],
)
def test_every_word_has_its_row(table: Collection[object], words: Collection[object]) -> None:
    assert set(table) == set(words)
    assert len(table) == len(words)
