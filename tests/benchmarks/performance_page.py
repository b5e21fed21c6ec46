"""`python -m tests.benchmarks.performance_page FOLDER`: put the results of a run into docs/performance.md.

One rule: every figure on the page comes out of a result file, with the command that made it.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.__main__ import NAMES
from tests.world import PROJECT

PAGE = PROJECT / "docs" / "performance.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def rendered(results: Sequence[dict[str, Any]]) -> str:
    """Write the results as Markdown: the targets first, then each benchmark's figures."""
    return "\n".join([*_targets(results), *(line for result in results for line in _figures(result))])


def with_results(page: str, results: Sequence[dict[str, Any]]) -> str:
    """Replace what stands between the two marks.

    Raises:
        ValueError: the page has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no `{BEGIN}` and `{END}`")
    return f"{before}{BEGIN}\n{rendered(results)}\n{END}{after}"


def _targets(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| Promise | Target | Measured | |"
    yield "|---|---|---|---|"
    for result in results:
        for target in result["targets"]:
            verdict = "met" if target["met"] else "**missed**"
            yield f"| {target['what']} | {target['target']} | {target['measured']:,} | {verdict} |"


def _figures(result: dict[str, Any]) -> Iterator[str]:
    machine = dict(result["machine"])
    libraries = ", ".join(f"{name} {version}" for name, version in machine.pop("libraries").items())
    described = ", ".join(f"{name} {value}" for name, value in machine.items())
    yield f"\n### {result['benchmark']}\n"
    yield f"`{result['command']}`{' (quick)' if result['quick'] else ''} on {described}; {libraries}\n"
    yield "| Figure | Median | Min | Max | Unit | Runs |"
    yield "|---|---:|---:|---:|---|---:|"
    for figure in result["figures"]:
        values = " | ".join(f"{figure[name]:,}" for name in ("median", "min", "max"))
        yield f"| {figure['name']} | {values} | {figure['unit']} | {figure['repetitions']} |"
    for remark in result["remarks"]:
        yield f"\n{remark}"


def main(folder: Path) -> None:
    """Rewrite the page from the result files of a folder."""
    files = [folder / f"{name}.json" for name in (*NAMES, "paired")]
    results = [json.loads(file.read_text("utf-8")) for file in files if file.exists()]
    if not results:
        print(f"{folder}: no result files; run `python -m tests.benchmarks --json {folder}`", file=sys.stderr)
        sys.exit(2)
    PAGE.write_text(with_results(PAGE.read_text("utf-8"), results), encoding="utf-8")
    print(f"{PAGE.relative_to(PROJECT)}: {len(results)} results")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
