"""The policies a partition knows: those in force, and every one that a case may have been opened with.

Policies are events of the journal (`PoliciesSet`), so that a replay decides with the policies of that day.
A case pins its policy by a number, which is the policy's for good.
"""

from typing import Any

import msgspec

from dunning.policy import Policy, PolicySet, RuleProfile
from dunning.policy_file import STANDARD, policy_from_content, read_policies
from dunning.tables import Changes

PREFIX = "\0policies"  # no account id begins with NUL
_IN_FORCE = PREFIX
_PINNED = PREFIX + "/"


class PolicyBook:
    """All policies by number. What a number stands for never changes."""

    def __init__(self) -> None:
        """Start with the policy `standard` alone (contract section 4)."""
        self.in_force: PolicySet = STANDARD
        self.policies: dict[int, Policy] = {}
        self.strictest = RuleProfile.CURRENT  # profile of network rules that any of them has
        self.has_stages = False  # any of them
        self._numbers: dict[str, int] = {}
        for policy in STANDARD.policies.values():
            self._pin(len(self._numbers), policy)

    @property
    def row_count(self) -> int:
        """How many rows its state has: the content in force, and each policy that is not built in."""
        return (self.in_force is not STANDARD) + len(self.policies) - len(STANDARD.policies)

    def number(self, policy: Policy) -> int:
        """Give the number of a policy that is or was in force."""
        return self._numbers[policy.ref]

    def set(self, content: dict[str, Any]) -> Changes:
        """Put a policy file's content in force. Returns the rows for the changelog.

        Raises:
            PolicyError: the content is no policy file; it was checked at the door, so this is a bug.
        """
        self.in_force = read_policies(content)
        changes: Changes = {_IN_FORCE: msgspec.json.encode(content)}
        for policy in self.in_force.policies.values():
            if policy.ref not in self._numbers:
                number = len(self._numbers)
                self._pin(number, policy)
                changes[f"{_PINNED}{number}"] = msgspec.json.encode([policy.name, policy.content])
        return changes

    def load(self, key: str, value: bytes) -> None:
        """Take one row of the changelog."""
        if key == _IN_FORCE:
            self.in_force = read_policies(msgspec.json.decode(value))
        else:
            name, content = msgspec.json.decode(value)
            self._pin(int(key.removeprefix(_PINNED)), policy_from_content(name, content))

    def _pin(self, number: int, policy: Policy) -> None:
        self.policies[number] = policy
        self._numbers[policy.ref] = number
        self.has_stages = self.has_stages or bool(policy.stages)
        if policy.rules is RuleProfile.STRICT:
            self.strictest = RuleProfile.STRICT
