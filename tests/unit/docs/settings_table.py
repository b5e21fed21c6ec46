"""The table of docs/configuration.md, made from the settings. `python -m tests.unit.docs.settings_table` writes it."""

from pathlib import Path
from typing import Any

from streams.settings import PREFIX, Settings

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def table() -> str:
    """Make the table: one row for each setting, in the order of the class."""
    rows = ["| Variable | Is | Values | Default |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_json_schema()["properties"].items():
        values, default = _values(field), _default(field)
        rows.append(f"| `{PREFIX}{name.upper()}` | {field['description']} | {values} | {default} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """Put the table into the page, between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


def _values(field: dict[str, Any]) -> str:
    shapes = [shape for shape in field.get("anyOf", [field]) if shape.get("type") != "null"]
    (shape,) = shapes
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    if shape["type"] == "integer":
        return f"{shape['minimum']} to {shape['maximum']}"
    if shape["type"] == "array":
        return "names"
    if shape.get("format") == "path":
        return "a file"
    if shape.get("format") == "password":
        return "secret"
    if "pattern" in shape:
        return "letters, digits, `._-`"
    return "text"


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    return "" if default in (None, "", []) else f"`{default}`"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
