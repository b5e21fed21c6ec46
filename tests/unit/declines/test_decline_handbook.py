"""`docs/declines.md` says what the data files say, and nothing else."""

from pathlib import Path

from click.testing import CliRunner

from dunning.declines.handbook import handbook
from dunning.declines.tables import ANY_CODE
from dunning.rules import Rules
from streams.cli.declines import declines

DOCUMENT = Path(__file__).parents[3] / "docs" / "declines.md"


def test_the_document_is_up_to_date(rules: Rules) -> None:
    found = DOCUMENT.read_text(encoding="utf-8")

    assert found == handbook(rules.declines.tables), "run `dunning declines table --write docs/declines.md`"


def test_the_document_has_every_rule_outside_the_ranges(rules: Rules) -> None:
    found = DOCUMENT.read_text(encoding="utf-8")
    for row in rules.declines.tables.rows():
        if row.code != ANY_CODE and row.under and row.under[0].endswith(".default"):
            continue  # neighbours that mean the same share a line
        assert f"| `{row.id}` |" in found


def test_a_range_is_one_line(rules: Rules) -> None:
    text = handbook(rules.declines.tables)

    assert "`braintree.2109` to `braintree.2999`" in text
    assert "`nacha.r61` to `nacha.r85`" in text
    assert "braintree.2110" not in text


def test_the_command_prints_writes_and_checks(tmp_path: Path, rules: Rules) -> None:
    text = handbook(rules.declines.tables)
    place = tmp_path / "declines.md"

    printed = CliRunner().invoke(declines, ["table"])
    written = CliRunner().invoke(declines, ["table", "--write", str(place)])
    fresh = CliRunner().invoke(declines, ["table", "--check", str(place)])
    place.write_text(text + "more", encoding="utf-8")
    stale = CliRunner().invoke(declines, ["table", "--check", str(place)])
    lacking = CliRunner().invoke(declines, ["table", "--check", str(tmp_path / "none.md")])

    assert (printed.exit_code, printed.stdout) == (0, text)
    assert (written.exit_code, fresh.exit_code) == (0, 0)
    assert "out of date" in str(stale.exception)
    assert "cannot be read" in str(lacking.exception)


def test_two_modes_at_once_are_wrong_usage(tmp_path: Path) -> None:
    both = ["table", "--write", str(tmp_path / "a"), "--check", str(tmp_path / "b")]

    assert CliRunner().invoke(declines, both).exit_code == 2
