"""The model passes the shared acceptance cases; so what it says of random histories means something."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from dunning.charger import Charger, read_charger
from schemas.instants import micros, moment
from tests.model.clock import Written
from tests.model.comparing import tell_model

CASES = Path(__file__).parents[3] / "shared" / "cases"
DIRECTORIES = sorted(path.parent for path in CASES.glob("*/case.yaml"))


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
def test_model_passes_case(directory: Path) -> None:
    checker = _checker()
    case = checker.load_case(directory)
    policy = _yaml(directory / "policy.yaml")
    charger = _yaml(directory / "charger.yaml")
    until = micros(case["until"]) if case.get("until") else None
    lines = (directory / "events.jsonl").read_bytes().splitlines()
    written = tell_model(lines, policy, read_charger(charger) if charger else Charger(), until)
    events = [_event(one) for one in written]
    for kind, spec in case["expect"].items():
        only, expected = checker.expectations(kind, spec)
        actual = [event for event in events if event["type"] == kind]
        actual = [e for e in actual if all(e["data"].get(name) in allowed for name, allowed in only.items())]
        for one in expected:
            one.pop("why_has", None)  # the model gives no reasons
            for name in ("audience", "action"):
                one.get("data", {}).pop(name, None)
        checker.compare_events(kind, expected, actual)
    changes = [event["data"] for event in events if event["type"] == "dunning.case_changed"]
    last = {change["invoice_id"]: change for change in changes}
    for invoice_id, fields in case.get("final", {}).items():
        assert (invoice_id in last) == (fields is not None)
        checker.compare_fields(invoice_id, fields or {}, last.get(invoice_id, {}))


def _checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("acceptance_check", CASES / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.get("acceptance_check") or importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _yaml(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8")) if file.exists() else None


def _event(one: Written) -> dict[str, Any]:
    instants = {"due_at", "not_after", "window_ends_at", "next_attempt_at"}
    data = {
        name: moment(value).isoformat() if name in instants and value is not None else value
        for name, value in one["data"].items()
    }
    return dict(
        json.loads(json.dumps({"type": one["type"], "time": moment(one["time"]).isoformat(), "data": data}))
    )
