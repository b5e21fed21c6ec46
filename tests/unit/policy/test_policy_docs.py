"""docs/policies.md: every policy on the page loads, and its stated plan is what the engine plans."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from dunning.policy_file import STANDARD
from dunning.policy_plan import plan_of
from dunning.policy_shape import PolicySection
from schemas.instants import micros
from streams.cli.policy import plan_lines
from streams.policies import presets, read_policy_text

PAGE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```\n\n```text\ninvoice of (\S+), (\S+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("text", "issued_at", "zone", "stated"), BLOCKS)
def test_a_stated_plan_is_the_plan(text: str, issued_at: str, zone: str, stated: str) -> None:
    issued = micros(datetime.fromisoformat(issued_at))
    lines = []
    for policy in read_policy_text(text, "docs/policies.md").policies.policies.values():
        lines += [f"{policy.name}:", *(f"  {line}" for line in plan_lines(plan_of(policy, issued, zone)))]
    assert stated.splitlines() == lines


def test_every_policy_on_the_page_states_its_plan() -> None:
    assert len(BLOCKS) == PAGE.count("```yaml") > 0


def test_the_page_shows_the_defaults_and_explains_every_key_and_preset() -> None:
    shown = read_policy_text(BLOCKS[0][0], "docs/policies.md").policies.policies["standard"]
    assert shown == STANDARD.policies["standard"]
    for key in PolicySection.model_fields:
        assert f"## {key}\n" in PAGE
        assert f"    {key}:" in BLOCKS[0][0]
    for preset in presets():
        assert f"| `{preset}` |" in PAGE
