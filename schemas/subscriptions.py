"""What happens to a subscription."""

from dataclasses import dataclass
from typing import ClassVar

from schemas.identifiers import Id


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEnded:
    """The subscription is over: its cases close, and nothing opens one any more."""

    TYPE: ClassVar = "subscription.ended"

    subscription_id: Id
    account_id: Id
