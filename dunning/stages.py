"""Stages: named consequences of the age of a subscription's oldest unpaid invoice (contract section 3, point 10).

The one rule: the stage is computed from the invoice's date, never from the last look.
"""

from dunning.account import Matter, OpenAccount
from dunning.calendar import add
from dunning.page import Page
from dunning.plan import touch
from dunning.records import Subscription


def look(page: Page, account: OpenAccount, subscription_id: str, *, is_due: bool = False) -> None:
    """Report the stages that the subscription has reached or left, and plan the next look.

    A stage of this very instant is reported only when its own timer fires (`is_due`), after all else of the instant.
    """
    subscription = account.subscription(subscription_id)
    oldest = _oldest(account, subscription)
    if (
        oldest is not None
        and len(subscription.unpaid) == 1
        and subscription.stage is None
        and oldest.invoice.stage_at is None
        and not page.policies[oldest.case.policy].stages
    ):
        return  # the common case: there are no stages at all
    for invoice_id in subscription.unpaid:
        other = account.matter(invoice_id)
        if other is not None and other is not oldest and other.invoice.stage_at is not None:
            _look_again(page, other, None)
    if oldest is None:
        if subscription.stage is not None:
            page.stage_changed(account, subscription_id, stage=None, oldest_invoice_id=None)
        return
    ladder = _ladder(page, oldest)
    reached, next_at = _reached(ladder, page.now, subscription.stage, is_due=is_due)
    if subscription.stage is not None and subscription.stage not in reached:
        # It leaves its stage for that of another invoice: a stage of this very instant is its stage now.
        reached, next_at = _reached(ladder, page.now, subscription.stage, is_due=True)
    for stage in _passed(reached, subscription.stage):
        page.stage_changed(account, subscription_id, stage=stage, oldest_invoice_id=oldest.id)
    if oldest.invoice.stage_at != next_at:
        _look_again(page, oldest, next_at)


def _oldest(account: OpenAccount, subscription: Subscription) -> Matter | None:
    if subscription.ended_at is not None:
        return None
    matters = [
        matter for invoice_id in subscription.unpaid if (matter := account.matter(invoice_id)) is not None
    ]
    return min(matters, key=lambda matter: (_dated(matter), matter.id), default=None)


def _dated(matter: Matter) -> int:
    """When the invoice was issued; while that is not known, when it was first declined."""
    invoice = matter.invoice
    if invoice.issued_at is not None:
        return invoice.issued_at
    case = matter.case
    assert case.first_decline_at is not None, "a case has an invoice date or a first decline"
    return case.first_decline_at


def _ladder(page: Page, matter: Matter) -> list[tuple[str, int]]:
    case = matter.case
    stages = page.policies[case.policy].stages
    dated = _dated(matter) if stages else 0
    return [(stage.name, add(dated, stage.after, matter.invoice.zone)) for stage in stages]


def _reached(
    ladder: list[tuple[str, int]], now: int, current: str | None, *, is_due: bool
) -> tuple[list[str], int | None]:
    """List the stages that are reached, in order, and the instant of the one ahead."""
    reached: list[str] = []
    for name, at in ladder:
        # One of this very instant is told by its own timer; but who is in it already does not leave it.
        if at > now or (at == now and not is_due and name != current):
            return reached, at
        reached.append(name)
    return reached, None


def _passed(reached: list[str], current: str | None) -> list[str | None]:
    """List what has to be told to come from the current stage to the last one reached, in order."""
    if not reached:
        return [] if current is None else [None]
    if current == reached[-1]:
        return []
    if current is None:
        return list(reached)
    if current in reached:
        return list(reached[reached.index(current) + 1 :])
    return [reached[-1]]


def _look_again(page: Page, matter: Matter, at: int | None) -> None:
    touch(page, matter)
    matter.invoice.stage_at = at
