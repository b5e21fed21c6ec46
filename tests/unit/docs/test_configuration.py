"""docs/configuration.md names every setting as it is."""

from tests.unit.docs.settings_table import BEGIN, END, PAGE, with_table


def test_the_table_is_not_stale() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert page == with_table(page), "run `python -m tests.unit.docs.settings_table`"
