"""What a benchmark found: figures with their spread, and targets with what was measured for them.

One rule: a target is reported, met or missed; nothing here makes a run fail. Tests assert with wide margins.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity, once for each repetition."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the repetitions."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        """Give minimum, median and maximum in one line."""
        low, high = min(self.values), max(self.values)
        spread = f"   (min {low:,.4g}, max {high:,.4g}, n={len(self.values)})" if len(self.values) > 1 else ""
        return f"{self.name:<58} {self.median:>12,.4g} {self.unit}{spread}"


@dataclass(frozen=True, slots=True)
class Target:
    """A promise, and what was measured for it."""

    what: str
    measured: float
    relation: Literal["<=", ">="]
    bound: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether the promise holds in this run."""
        return self.measured <= self.bound if self.relation == "<=" else self.measured >= self.bound

    def __str__(self) -> str:
        """Say it in one line."""
        verdict = "met" if self.is_met else "MISSED"
        return (
            f"{self.what:<58} {self.measured:>12,.4g} {self.relation} {self.bound:,g} {self.unit}: {verdict}"
        )


@dataclass(slots=True)
class Report:
    """The findings of one benchmark."""

    benchmark: str
    command: str
    is_quick: bool
    machine: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def figure(self, name: str, unit: str, values: Sequence[float]) -> Figure:
        """Add a figure."""
        added = Figure(name, unit, tuple(values))
        self.figures.append(added)
        return added

    def target(
        self, what: str, measured: float, relation: Literal["<=", ">="], bound: float, unit: str
    ) -> None:
        """Add a target."""
        self.targets.append(Target(what, measured, relation, bound, unit))

    def median(self, name: str) -> float:
        """Look a figure's median up by its name."""
        return next(figure.median for figure in self.figures if figure.name == name)

    def show(self) -> None:
        """Print everything."""
        print(f"\n== {self.benchmark}{' (quick: too short for a verdict)' if self.is_quick else ''}")
        print(f"   {self.command}")
        print("   " + ", ".join(f"{key} {value}" for key, value in self.machine.items()))
        for line in (*self.figures, *self.targets, *self.remarks):
            print(f"   {line}")

    def write(self, folder: Path) -> None:
        """Write `<benchmark>.json` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "benchmark": self.benchmark,
            "command": self.command,
            "quick": self.is_quick,
            "machine": self.machine,
            "figures": [
                {
                    "name": figure.name,
                    "unit": figure.unit,
                    "min": min(figure.values),
                    "median": figure.median,
                    "max": max(figure.values),
                    "repetitions": len(figure.values),
                }
                for figure in self.figures
            ],
            "targets": [
                {
                    "what": target.what,
                    "measured": target.measured,
                    "target": f"{target.relation} {target.bound:g} {target.unit}",
                    "met": target.is_met,
                }
                for target in self.targets
            ],
            "remarks": self.remarks,
        }
        text = json.dumps(_rounded(content), indent=1)
        (folder / f"{self.benchmark}.json").write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Keep four significant digits: more would pretend."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
