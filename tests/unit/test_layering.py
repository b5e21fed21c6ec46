"""Imports point down, and the core is pure: every file is read, none is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "schemas": {"schemas"},
    "dunning": {"dunning", "schemas"},
    "streams": {"streams", "dunning", "schemas"},
}
OURS = set(MAY_IMPORT)

IMPURE_MODULES = {
    "aiokafka", "asyncio", "faust", "logging", "mode", "os", "random", "secrets", "shutil", "socket",
    "structlog", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
IMPURE_CALLS = {
    "now",
    "utcnow",
    "today",
    "open",
    "print",
    "input",
    "hash",
    "id",
    "read_text",
    "read_bytes",
    "write_text",
}


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.lineno, node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield node.lineno, node.func.attr


def imports_that_point_up(package: str, source: str) -> list[str]:
    found = []
    for line, module in imports(ast.parse(source)):
        top = module.partition(".")[0]
        if module.startswith(".") or (top in OURS and top not in MAY_IMPORT[package]):
            found.append(f"line {line}: import of {module}")
    return found


def impurities(source: str) -> list[str]:
    tree = ast.parse(source)
    modules = [
        f"line {line}: import of {name}"
        for line, name in imports(tree)
        if name.partition(".")[0] in IMPURE_MODULES
    ]
    return modules + [f"line {line}: call of {name}" for line, name in calls(tree) if name in IMPURE_CALLS]


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_down(package: str) -> None:
    files = files_of(package)
    assert files
    wrong = {
        str(file.relative_to(ROOT)): imports_that_point_up(package, file.read_text("utf-8")) for file in files
    }
    assert {file: lines for file, lines in wrong.items() if lines} == {}


def test_the_core_is_pure() -> None:
    files = files_of("dunning")
    assert files
    wrong = {str(file.relative_to(ROOT)): impurities(file.read_text("utf-8")) for file in files}
    assert {file: lines for file, lines in wrong.items() if lines} == {}


def test_every_module_says_what_lives_in_it() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for package in sorted(OURS)
        for file in files_of(package)
        if not ast.get_docstring(ast.parse(file.read_text("utf-8")))
    ]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_words = {"utils", "util", "common", "misc", "base", "models", "helpers"}
    assert [
        str(file) for package in sorted(OURS) for file in files_of(package) if file.stem in empty_words
    ] == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from os import path",
        "import asyncio.tasks",
        "x = datetime.now(UTC)",
        "x = date.today()",
        "x = hash('a')",
        "def f():\n    import random",
        "open('x')",
    ],
)
def test_the_check_finds(source: str) -> None:
    assert len(impurities(source)) == 1


@pytest.mark.parametrize(
    "source", ["import streams.topics", "from streams import topics", "from . import case"]
)
def test_the_check_finds_imports_that_point_up(source: str) -> None:
    assert len(imports_that_point_up("dunning", source)) == 1
    assert imports_that_point_up("dunning", "from schemas.money import Money\nimport dunning.case") == []
