"""The stage of a subscription, from the age of its oldest unpaid invoice."""

from dunning.calendar import add
from tests.model.facts import Account, Case

AGES_NO_MORE = ("paid", "paid_elsewhere", "voided", "written_off", "credited", "subscription_ended")


def oldest_unpaid(account: Account, subscription_id: str) -> Case | None:
    """Give the case of the oldest invoice that still ages."""
    if subscription_id in account.ended:
        return None
    aging = [
        case
        for case in account.cases.values()
        if case.subscription_id == subscription_id and case.closed not in AGES_NO_MORE
    ]
    return min(aging, key=lambda case: (case.anchor, case.invoice_id), default=None)


def next_stage(account: Account, subscription_id: str, now: int) -> tuple[int, str | None, str | None] | None:
    """Give the next change of stage: its instant, the stage and the oldest invoice. None: there is none ahead."""
    stage = account.stage.get(subscription_id)
    oldest = oldest_unpaid(account, subscription_id)
    if oldest is None:
        return None if stage is None else (now, None, None)
    steps = [(add(oldest.anchor, step.after, oldest.zone), step.name) for step in oldest.policy.stages]
    names = [name for _, name in steps]
    reached = [name for at, name in steps if at <= now]
    place = names.index(stage) + 1 if stage in names else 0
    if stage is not None and stage not in reached:
        if not reached:
            return now, None, oldest.invoice_id
        return now, reached[-1], oldest.invoice_id
    return (*steps[place], oldest.invoice_id) if place < len(steps) else None
