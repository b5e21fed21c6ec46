"""What an operator tells the engine, and the policies it is to follow."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from schemas.identifiers import FreeText, Id


class CommandName(StrEnum):
    """What is to be done within a scope (account, subscription or invoice)."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    RETRY_NOW = "retry_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An order of a person. Its scope is the narrowest id given."""

    TYPE: ClassVar = "dunning.command"

    account_id: Id
    command: CommandName
    issued_by: Id
    reason: FreeText
    subscription_id: Id | None = None
    invoice_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesSet:
    """The policy file in force from here on. Written by intake into every partition of the journal.

    Policies are events so that a replay decides with the policies of that day.
    """

    TYPE: ClassVar = "dunning.policies_set"

    policies: dict[str, Any]  # the content of a policy file, checked (contract section 4)
