"""What the pages tell to type is there: commands with their options, make targets, tests and modules."""

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from streams.cli.program import dunning
from tests.unit.docs.pages import PAGES, PROJECT, commands, name_of


def _told(page: Path, *programs: str) -> Iterator[list[str]]:
    for line in commands(page):
        for part in line.replace("$(date -u +%F)", "TODAY").split("|"):
            try:
                words = shlex.split(part)
            except ValueError:
                continue
            while words and "=" in words[0] and words[0].split("=")[0].isupper():
                words = words[1:]
            if words and words[0].removeprefix(".venv/bin/") in programs:
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_dunning_commands_have_their_options(page: Path) -> None:
    for words in _told(page, "dunning"):
        command: click.Command = dunning
        context = click.Context(dunning)
        rest = list(words)
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            found = command.get_command(context, rest.pop(0))
            assert found is not None, f"{name_of(page)}: no command `dunning {' '.join(words)}`"
            command = found
        options = {"--help", "-h", *(name for param in command.params for name in param.opts)}
        if command is dunning:
            options.add("--version")
        for word in rest:
            if word.startswith("-") and word != "-":
                assert word.partition("=")[0] in options, f"{name_of(page)}: `dunning {' '.join(words)}`"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_are_in_the_makefile(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for words in _told(page, "make"):
        target = next(word for word in words if "=" not in word)
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"{name_of(page)}: make {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_modules_and_tests_are_there(page: Path) -> None:
    for words in _told(page, "python"):
        if words[:1] != ["-m"] or words[1] in {"timeit", "venv"}:
            continue
        if words[1] != "pytest":
            assert importlib.util.find_spec(words[1]) is not None, f"{name_of(page)}: {words[1]}"
            if words[1] == "tests.benchmarks":
                named = [word for word in words[2:] if not word.startswith("-") and "/" not in word]
                assert all((PROJECT / "tests" / "benchmarks" / f"{name}.py").exists() for name in named)
            continue
        chosen = words[words.index("-k") + 1] if "-k" in words else ""
        paths = [word for word in words[2:] if word.startswith("tests/")]
        names = [name for path in paths for name in _tests(PROJECT / path)]
        assert all((PROJECT / path).exists() for path in paths), f"{name_of(page)}: {paths}"
        for wanted in chosen.split(" or "):
            assert any(wanted in name for name in names), f"{name_of(page)}: no test is named {wanted!r}"


def _tests(path: Path) -> Iterator[str]:
    for file in [path] if path.is_file() else sorted(path.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


def test_these_tests_look_at_something() -> None:
    told = [words for page in PAGES for words in _told(page, "dunning", "make", "python")]
    assert len(told) > 50
    assert ["simulate", "docs/examples/first-case.jsonl"] in told
