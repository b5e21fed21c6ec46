"""What the provider does by itself: who says that it tries again, until when that holds us back, which rung it uses.

The one rule: of what is said the latest moment counts, in whatever order it is told (contract section 6, Provider's
hold). It is about the invoice, whatever instrument the provider charges.
"""

from dunning.account import Matter
from dunning.calendar import DAY
from dunning.ladder import use_next_rung
from dunning.policy import Policy
from dunning.records import Case, ProvidersWord
from schemas.charges import ChargeDeclined, Initiator
from schemas.instants import micros

FOR_EVER = 1 << 62
_PSP = Initiator.PSP  # looked up in every event: a global costs a tenth of an enum's member


def hear(case: Case, data: ChargeDeclined, attempted_at: int) -> None:
    """Follow what a decline says about the provider's next attempt; who says nothing changes nothing."""
    if data.psp_will_retry:
        next_at = None if data.psp_next_attempt_at is None else micros(data.psp_next_attempt_at)
        _hear(case, ProvidersWord(attempted_at, holds=True, next_at=next_at))
    elif data.initiated_by is _PSP or data.psp_will_retry is False:
        _hear(case, ProvidersWord(attempted_at, holds=False))


def has_paid(case: Case, attempted_at: int) -> None:
    """Note that an attempt of the provider succeeded: it holds nothing back any more."""
    _hear(case, ProvidersWord(attempted_at, holds=False))


def _hear(case: Case, word: ProvidersWord) -> None:
    if case.provider is None or case.provider.at <= word.at:
        case.provider = word


def held_until(case: Case, now: int) -> int:
    """Until when the provider's own retry holds the case back; 0 if it does not, `FOR_EVER` until it is answered."""
    if case.provider is None or not case.provider.holds:
        return 0
    if case.provider.next_at is None:
        return FOR_EVER
    ends_at = case.provider.next_at + DAY
    return ends_at if now < ends_at else 0


def has_tried(
    matter: Matter, case: Case, policy: Policy, attempted_at: int, *, has_failed: bool = False
) -> None:
    """Let an attempt of the provider use a rung, and one of the ladder that the invoice may still bring."""
    kept = case.provisional
    if kept is not None:
        kept.provider_tried_at = (*kept.provider_tried_at, attempted_at)
    if not (has_failed and policy.is_by_gap):
        use_next_rung(matter, case, policy, attempted_at)
