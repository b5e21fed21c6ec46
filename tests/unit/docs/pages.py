"""The pages that people read, their links and their code blocks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[3]
PAGES = sorted([PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"\s+#\s.*$")


class Block(NamedTuple):
    """One fenced code block."""

    page: str
    language: str
    text: str


def name_of(page: Path) -> str:
    """Name a page as people do."""
    return page.relative_to(PROJECT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """List the code blocks of a page."""
    for language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        yield Block(name_of(page), language, text)


def prose(page: Path) -> str:
    """Give a page without its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[str]:
    """List what a page tells to type: lines of blocks without a language, and code in the text."""
    for block in blocks(page):
        if not block.language:
            yield from (_COMMENT.sub("", line) for line in block.text.splitlines())
    yield from (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(page)))
