"""The page and the picture: they stand alone, say what is not known, and break on no name."""

import re
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from dunning.backtest.chart import as_html, as_svg
from dunning.backtest.comparison import LIMIT, Day, Figures
from streams.cli.backtest_view import rows_of


def figures(name: str, days: tuple[Day, ...]) -> Figures:
    total = sum(day.requests for day in days)
    return Figures(
        name=name, cases=3, requests=total, known=1, assumed=total - 1, recovered=1, recovered_amount={"EUR": 123456},
        by_request=1, recovered_requests=2, perhaps=1, at_most=2, open=1, lost=1, moved=0, held_back=2,
        ceilings={"visa.limit.30d": 2}, excess=0, fees_avoided={"USD": Decimal("0.20")}, days=days, untried=0,
    )  # fmt: skip


POLICIES = [
    figures("standard", (Day(3, 2, 4, 0), Day(7, 1, 0, 5))),
    figures('<b>"odd" & name</b>', (Day(40, 0, 0, 12),)),
    figures("never", ()),
]


def page() -> str:
    return as_html(POLICIES, rows_of(POLICIES, is_modelled=False), "some facts", LIMIT)


def test_the_picture_is_well_formed_and_has_a_bar_for_every_part() -> None:
    root = ET.fromstring(as_svg(POLICIES, "facts & more"))  # noqa: S314 - written by us
    space = "{http://www.w3.org/2000/svg}"
    titles = [title.text for title in root.iter(f"{space}title")]
    assert titles == [
        "day 3: 6 requests (2 paid, 4 declined)",
        "day 7: 6 requests (1 paid, 5 outcome not known)",
        "day 40: 12 requests (12 outcome not known)",
    ]
    groups = [list(group.iter(f"{space}rect")) for group in root.iter(f"{space}g")]
    assert [len(group) for group in groups] == [2, 2, 1]
    # Heights are proportional: 12 requests are twice as tall as 6.
    tall = [sum(float(rect.attrib["height"]) for rect in group) for group in groups]
    assert tall[2] == pytest.approx(2 * tall[0], abs=0.3)
    texts = [text.text for text in root.iter(f"{space}text")]
    assert "nothing was asked for" in texts
    assert '<b>"odd" & name</b>' in texts


def test_nothing_lies_outside_the_picture() -> None:
    root = ET.fromstring(as_svg(POLICIES, ""))  # noqa: S314 - written by us
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        right = float(rect.attrib.get("x", 0)) + float(rect.attrib["width"])
        bottom = float(rect.attrib.get("y", 0)) + float(rect.attrib["height"])
        assert 0 <= right <= width
        assert 0 <= bottom <= height


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page()
    addresses = set(re.findall(r"https?://[^\"' ]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}, "the name of a format, never fetched"
    assert not re.search(r"<script|<link|@import|@font-face|src=", text)


def test_the_page_says_what_is_not_known_and_defines_its_figures() -> None:
    text = page()
    assert "Outcomes of attempts that never happened are not known" in text
    assert "a lower bound" in text
    assert "<dt>perhaps recovered too</dt>" in text
    assert "1,234.56 EUR" in text
    assert "&lt;b&gt;&quot;odd&quot; &amp; name&lt;/b&gt;" in text
    assert "<b>" not in text


def test_a_model_leaves_no_row_about_the_unknown() -> None:
    labels = [label.strip() for _, label, _ in rows_of(POLICIES, is_modelled=True)]
    assert "outcome not known" not in labels
    assert "recovered at most" not in labels
