"""docs/operations.md: its metrics, topics, errors and last words of a worker are those of the code."""

import re

import pytest

from schemas.rejections import ErrorCode
from streams.clock import SystemClock
from streams.metrics import EngineGauges, IntakeGauges, Meters
from streams.topics import INPUTS, JOURNAL, OUTPUTS, STATE
from tests.unit.docs.pages import PROJECT

PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
# Two string literals that follow each other are one message.
SOURCE = "\n".join(
    re.sub(r'"\s*\n\s*f?"', "", file.read_text(encoding="utf-8"))
    for file in sorted((PROJECT / "streams").rglob("*.py"))
)


def fragments(heading: str) -> list[str]:
    """Give the fixed words of the code in the first column of a table, `…` being what changes."""
    rows = re.findall(r"^\| (`.+?) \| ", PAGE.partition(heading)[2].partition("\n\n")[0], re.MULTILINE)
    words = [part for row in rows for code in re.findall(r"`([^`]+)`", row) for part in code.split("…")]
    return [word.strip() for word in words if len(word.strip()) > 4]


STOPS = fragments("| The line says | Means | Do |")
UNREADY = fragments("| `/readyz` says | Phase |")


def test_every_metric_is_there_and_no_other() -> None:
    meters = Meters()
    families = [
        *meters.registry.collect(),
        *EngineGauges(lambda: (), lambda _: None, SystemClock()).collect(),
        *IntakeGauges(lambda: 0).collect(),
    ]
    exposed = {f"{one.name}_total" if one.type == "counter" else one.name for one in families}
    assert set(re.findall(r"`(dunning_\w+)`", PAGE)) == exposed


def test_every_topic_is_there() -> None:
    for topic in (JOURNAL, STATE, *OUTPUTS):
        assert f"`{topic}`" in PAGE
    assert f"the {['nine', 'ten', 'eleven'][len(INPUTS) - 9]} input topics" in PAGE


def test_every_error_of_a_dead_letter_is_there() -> None:
    section = PAGE.partition("| `error` | Means |")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [str(code) for code in ErrorCode]


@pytest.mark.parametrize("fragment", STOPS + UNREADY)
def test_a_worker_says_what_the_page_says(fragment: str) -> None:
    assert fragment in SOURCE


def test_the_last_words_were_found() -> None:
    assert len(STOPS) >= 15
    assert len(UNREADY) == 7
