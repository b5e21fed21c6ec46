"""Every link inside the project leads somewhere, heading included."""

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import PAGES, name_of, prose

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def slugs(page: Path) -> set[str]:
    """The anchors that hosting sites make of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link} leads nowhere"
        assert not anchor or anchor in slugs(target), f"{name_of(page)}: {link} names no heading"


def test_every_page_can_be_found() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in _LINK.findall(prose(page))
        if not link.startswith("https://")
    }
    lost = [page for page in PAGES if page not in linked and page.parent not in linked]
    assert [name_of(page) for page in lost] == []
