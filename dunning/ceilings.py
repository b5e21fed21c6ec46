"""When an attempt may go under the rules of the networks and debit schemes (rule `engine.ceiling`).

A rule delays or forbids an attempt; it never brings one forward and never adds one. Cards are counted per
credential over all subscriptions of the account, bank debits per invoice (contract section 6, Counting).
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

import msgspec

from dunning.account import Matter, Means
from dunning.calendar import DAY
from dunning.network_rules.limits import CardLimit, DebitLimit, NetworkRules
from dunning.policy import Policy, RuleProfile
from dunning.records import Credential, Presented

# Our choice: more than any row of `limits.json` counts, which a test holds; older attempts cannot matter.
KEPT_ATTEMPTS = 64  # declined
KEPT_UNANSWERED = 256  # requests, where no rule limits them
KEPT_FOR = 31 * DAY
# Looked up in every event: a global costs a tenth of an enum's member.
_NO_RULES = RuleProfile.NONE


class Allowed(msgspec.Struct, gc=False):
    """The first instant at which every rule allows the attempt, and the rules that moved it there."""

    at: int
    why: tuple[str, ...]


def first_allowed(
    rules: NetworkRules, matter: Matter, policy: Policy, means: Means, at: int
) -> Allowed | None:
    """Find the first instant from `at` on at which an attempt on the instrument breaks no rule.

    Args:
        rules: the ceilings.
        matter: the invoice that would be charged.
        policy: whose profile of network rules holds; under `none` everything is allowed.
        means: what would be charged.
        at: the earliest instant asked for, microseconds UTC.

    Returns:
        None if no later instant is allowed either.
    """
    if policy.rules is _NO_RULES:
        return Allowed(at, ())
    credential = means.credential
    why: tuple[str, ...] = ()
    if credential.hold_until > at:
        at = credential.hold_until
        if credential.hold_rule is not None:
            why = (credential.hold_rule,)
    debit = _debit_limit(rules, matter, policy, means)
    if debit is not None and not _may_present(*debit, matter.invoice.balance, at):
        return None
    if credential.network is None or not _may_be_full(rules, credential):
        return Allowed(at, why)
    counted = _counted(credential)
    limits = rules.card_limits(credential.network, policy.rules, at)
    is_moved = True
    while is_moved:
        is_moved = False
        for limit in limits:
            if (free_at := _free_at(limit, counted)) > at:
                at, is_moved = free_at, True
                if limit.rule_id not in why:
                    why = (limit.rule_id, *why)
    return Allowed(at, why)


def is_full(rules: NetworkRules, credential: Credential, profile: RuleProfile, at: int) -> bool:
    """Tell whether a card has had as many attempts as the profile allows, so that each further one delays the next."""
    if credential.network is None or not _may_be_full(rules, credential):
        return False
    counted = _counted(credential)
    limits = rules.card_limits(credential.network, profile, at)
    return any(_free_at(limit, counted) > at for limit in limits)


def _may_be_full(rules: NetworkRules, credential: Credential) -> bool:
    """Tell whether a card has had as many attempts as any limit is; most have not, and are let through at once."""
    return len(credential.attempts) + len(credential.unanswered) >= rules.least_limit


def _counted(credential: Credential) -> Sequence[int]:
    """List the attempts that count, ascending: declined ones, and requests without an answer."""
    if not credential.unanswered:
        return credential.attempts  # which are sorted
    return sorted((*credential.attempts, *credential.unanswered.values()))


def _free_at(limit: CardLimit, counted: Sequence[int]) -> int:
    """Give the instant from which the limit allows another attempt; one exactly as old as the period counts no more."""
    return counted[-limit.limit] + limit.period if len(counted) >= limit.limit else 0


def last_instant(rules: NetworkRules, matter: Matter, policy: Policy, means: Means, ends_at: int) -> int:
    """Tell until when the attempt may be executed at all: the case's end, or earlier where a rule says so."""
    debit = _debit_limit(rules, matter, policy, means)
    return ends_at if debit is None else min(ends_at, debit[0].ends_at(debit[1].since or 0))


def refusing_rules(rules: NetworkRules, matter: Matter, policy: Policy, means: Means) -> tuple[str, ...]:
    """Name the debit rules under which the invoice may not be presented on the instrument any more."""
    debit = _debit_limit(rules, matter, policy, means)
    return () if debit is None else debit[0].ids


def _debit_limit(
    rules: NetworkRules, matter: Matter, policy: Policy, means: Means
) -> tuple[DebitLimit, Presented] | None:
    """Find the limit on presenting the invoice again; before a return that the scheme limits there is none."""
    if not matter.invoice.presented:
        return None
    kind = means.instrument.type or ""
    presented, limit = matter.invoice.presented.get(kind), rules.debit_limit(kind, policy.rules)
    return None if limit is None or presented is None or presented.since is None else (limit, presented)


def _may_present(limit: DebitLimit, presented: Presented, balance: int | None, at: int) -> bool:
    if limit.same_amount and balance != presented.amount:
        return False
    since = presented.since or 0
    counted = len(presented.at) - bisect_left(presented.at, since)
    return counted - 1 < limit.further and at < limit.ends_at(since)


def count_declined(credential: Credential, attempted_at: int, request_id: str | None) -> None:
    """Count a declined attempt; that of a request of ours takes the place of the request."""
    if request_id is not None:
        credential.unanswered.pop(request_id, None)
    insort(credential.attempts, attempted_at)
    surplus = len(credential.attempts) - KEPT_ATTEMPTS
    if surplus > 0:
        del credential.attempts[:surplus]


def count_requested(credential: Credential, request_id: str, now: int) -> None:
    """Count a request that has no answer yet, and forget what no rule counts any more."""
    old = now - KEPT_FOR
    del credential.attempts[: bisect_left(credential.attempts, old)]
    for request in [request for request, at in credential.unanswered.items() if at < old]:
        del credential.unanswered[request]
    credential.unanswered[request_id] = now
    if len(credential.unanswered) > KEPT_UNANSWERED:
        del credential.unanswered[next(iter(credential.unanswered))]
