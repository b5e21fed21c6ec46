"""What is known of instruments and their credentials, and what a verdict about them means for other cases.

`never` holds for the credential, in every case of the account, for good. `fix_data` holds for the instrument until
it is edited or a charge on it succeeds (contract section 6, What a verdict covers).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from dunning.account import Matter, Means, OpenAccount
from dunning.binding import charged_on, is_dead
from dunning.ceilings import KEPT_ATTEMPTS, count_declined, is_full
from dunning.classes import FIX_DATA, NEVER
from dunning.declines.verdicts import Verdict
from dunning.networks import network_name
from dunning.page import Page
from dunning.plan import touch
from dunning.policy import RuleProfile
from dunning.records import NO_PLAN, Credential, Presented
from dunning.restarts import action_needed
from dunning.tables import NUMBER
from schemas.charges import ChargeDeclined, Dialect
from schemas.decisions import DeclineClass
from schemas.payment_methods import Instrument, InstrumentType

DEBITS = {
    Dialect.ACH: InstrumentType.ACH_DEBIT,
    Dialect.SEPA: InstrumentType.SEPA_DEBIT,
    Dialect.BACS: InstrumentType.BACS_DEBIT,
}

Attempted = tuple[int, str | None, str]
"""When an attempt was made, microseconds UTC, the request of ours that it answers, and what that was to be made on."""

MOST_CORRECTED = 50  # open cases on one card, our choice: more than a payer has, fewer than a reseller

BANK_DEBITS = frozenset(map(str, DEBITS.values()))


def describe(page: Page, account: OpenAccount, said: Instrument) -> None:
    """Take what an event says of an instrument; what it leaves out stays as it was."""
    means = account.means(said.instrument_id)
    known = means.instrument
    if means.credential.dead_why and known.fingerprint is not None:
        # Only another instrument helps, not another number for this one.
        said = replace(said, fingerprint=None)
    if (
        said.type == known.type
        and said.fingerprint in (None, known.fingerprint)
        and said.network in (None, known.network)
        and said.expires in (None, known.expires)
        and said.country in (None, known.country)
    ):
        return  # nothing new, as most times
    if _rests_on(account, means, said):
        _touch_charged(page, account, said.instrument_id)
    stopped = _moved_by_fingerprint(page, account, said.instrument_id, said.fingerprint)
    if known.fingerprint is None and said.fingerprint is not None:
        _learn_fingerprint(page, account, said.instrument_id, said.fingerprint)
    known.type = said.type
    known.network = said.network or known.network
    known.fingerprint = said.fingerprint or known.fingerprint
    known.expires = said.expires or known.expires
    known.country = said.country or known.country
    account.instrument_changed(said.instrument_id)
    means = account.means(said.instrument_id)
    credential, credential_id = means.credential, means.credential_id
    if known.network is not None and credential.network != (network := network_name(known.network)):
        credential.network = network
        account.credential_changed(credential_id)
        if _is_counted(credential):
            _note_moved(page, account, credential_id, frees=True)
    _stop(page, None, stopped, NEVER, is_told=True)


def _rests_on(account: OpenAccount, means: Means, said: Instrument) -> bool:
    """Tell whether plans rest on what an event says anew: on a card of which nothing was counted none does."""
    if said.type in BANK_DEBITS or _is_counted(means.credential):
        return True
    if said.fingerprint is None or said.fingerprint == means.instrument.fingerprint:
        return False
    return _is_counted(account.credential(NUMBER + said.fingerprint))


def _is_counted(credential: Credential) -> bool:
    return bool(credential.attempts or credential.unanswered or credential.hold_until)


def know_debit(page: Page, account: OpenAccount, data: ChargeDeclined) -> None:
    """Know a bank debit by the dialect of its decline, if nobody has described the instrument."""
    kind = DEBITS.get(data.decline.dialect)
    if kind is None:
        return
    instrument = account.instrument(data.instrument_id)
    if instrument.type is None:
        _touch_charged(page, account, data.instrument_id)
        instrument.type = kind
        account.instrument_changed(data.instrument_id)


def _moved_by_fingerprint(
    page: Page, account: OpenAccount, instrument_id: str, fingerprint: str | None
) -> list[Matter]:
    """Take up the open cases that a dead card number stops, as the instrument turns out to be that number.

    If the one is dead, so is the other: the number's other instruments too.
    """
    before = account.means(instrument_id)
    if fingerprint in (None, before.instrument.fingerprint):
        return []
    after = account.credential(NUMBER + fingerprint)
    was_dead, is_dead_now = bool(before.credential.dead_why), bool(after.dead_why)
    if was_dead == is_dead_now:
        return []
    names = account.sharing(NUMBER + fingerprint) if was_dead else [instrument_id]
    stopped = [matter for name in names for matter in charged_with(account, name)]
    _touch_all(page, stopped)
    return stopped


def _learn_fingerprint(page: Page, account: OpenAccount, instrument_id: str, fingerprint: str) -> None:
    """Carry what was counted and decided under the instrument's id over to the card number that it turns out to be."""
    alone, shared = account.credential("=" + instrument_id), account.credential(NUMBER + fingerprint)
    if alone == Credential():
        return  # as most times: nothing was counted before the card number was told
    shared.dead_why = shared.dead_why or alone.dead_why
    shared.network = shared.network or alone.network
    shared.attempts = sorted((*shared.attempts, *alone.attempts))[-KEPT_ATTEMPTS:]
    shared.unanswered |= alone.unanswered
    if alone.hold_until > shared.hold_until:
        shared.hold_until, shared.hold_rule = alone.hold_until, alone.hold_rule
    account.credential_changed(NUMBER + fingerprint)
    _note_moved(page, account, NUMBER + fingerprint, frees=False)


def count(page: Page, matter: Matter, data: ChargeDeclined, attempt: Attempted, network: str | None) -> None:
    """Count a declined attempt for the network rules, whoever made it.

    The network of the card is learned from the decline, if nobody has said it.

    Args:
        page: the page that holds the decline; other cases on the card are planned anew in it.
        matter: the invoice that was charged.
        data: the decline.
        attempt: when it was made and the request of ours that it answers, which counts no more in its place.
        network: of the attempt, if known.
    """
    account = matter.account
    means = account.means(data.instrument_id)
    attempted_at, request_id, asked_on = attempt
    if request_id is not None and asked_on not in ("", data.instrument_id):
        uncount(page, matter, asked_on, request_id)
    credential = means.credential
    if network is not None and credential.network is None:
        credential.network = network
    requested_at = None if request_id is None else credential.unanswered.get(request_id)
    count_declined(credential, attempted_at, request_id)
    account.credential_changed(means.credential_id)
    note_if_full(page, account, means, frees=requested_at is not None and attempted_at < requested_at)
    if requested_at is not None:
        unpresent(matter, means, requested_at)
    present(matter, means, data.amount_minor, attempted_at, begins=_is_limited(page, means, data))
    page.unplanned += account.replan()


def take_back(page: Page, matter: Matter, instrument_id: str, counted_at: int) -> None:
    """Take back an attempt that was counted while its outcome was in doubt; the outcome counts as it is."""
    means = matter.account.means(instrument_id)
    note_if_full(page, matter.account, means, frees=True)
    if counted_at in means.credential.attempts:
        means.credential.attempts.remove(counted_at)
        matter.account.credential_changed(means.credential_id)
    unpresent(matter, means, counted_at)
    page.unplanned += matter.account.replan()


def uncount(page: Page, matter: Matter, instrument_id: str, request_id: str) -> None:
    """A request that succeeded, or was answered on another instrument, neither counts nor resets."""
    means = matter.account.means(instrument_id)
    note_if_full(page, matter.account, means, frees=True)
    requested_at = means.credential.unanswered.pop(request_id, None)
    if requested_at is not None:
        matter.account.credential_changed(means.credential_id)
        unpresent(matter, means, requested_at)
        page.unplanned += matter.account.replan()


def present(matter: Matter, means: Means, amount_minor: int, at: int, *, begins: bool = False) -> None:
    """Count a presentation of a bank debit, asked for or declined; those limits are per invoice and scheme.

    `begins`: it came back for a reason that the scheme limits; what was presented before the first such is free.
    """
    kind = means.instrument.type
    if kind in BANK_DEBITS:
        presented = matter.invoice.presented.setdefault(str(kind), Presented(amount_minor))
        presented.at = sorted((*presented.at, at))
        if begins and (presented.since is None or at < presented.since):
            presented.since, presented.amount = at, amount_minor


def _is_limited(page: Page, means: Means, data: ChargeDeclined) -> bool:
    """Tell whether the scheme of a bank debit limits how often it is presented again after such a decline."""
    kind = DEBITS.get(data.decline.dialect)
    if kind is None or kind != means.instrument.type:
        return False
    limit = page.rules.networks.debit_limit(kind, RuleProfile.CURRENT)
    return limit is not None and limit.limits(data.decline.code)


def unpresent(matter: Matter, means: Means, at: int) -> None:
    """Take back the presentation that was counted when it was asked for."""
    presented = matter.invoice.presented.get(means.instrument.type or "")
    if presented is not None and at in presented.at:
        presented.at.remove(at)


def apply_verdict(
    page: Page, matter: Matter, instrument_id: str, verdict: Verdict, attempted_at: int, *, is_told: bool
) -> None:
    """Let a verdict hold for the instrument and its credential, and stop the other open cases charged on it.

    Args:
        page: the page that holds the decline.
        matter: the invoice that was declined; its own notice is not written here.
        instrument_id: what was declined.
        verdict: what the decline means.
        attempted_at: when the attempt was made; an older verdict about data does not outlive a later edit or success.
        is_told: whether the other cases get a notice; attempts of a customer or an admin give none.
    """
    account = matter.account
    means = account.means(instrument_id)
    credential, credential_id = means.credential, means.credential_id
    wait(page, account, means, verdict, attempted_at)
    if verdict.decline_class is NEVER and not credential.dead_why:
        stopped = [one for name in account.sharing(credential_id) for one in charged_with(account, name)]
        _touch_all(page, stopped)
        credential.dead_why = verdict.why
        account.credential_changed(credential_id)
        _stop(page, matter, stopped, NEVER, is_told=is_told)
    elif verdict.decline_class is FIX_DATA:
        instrument = means.instrument
        if instrument.right_at is not None and instrument.right_at > attempted_at:
            return
        is_told = is_told and not is_dead(account, instrument_id)
        if instrument.fix_data_at is None:
            stopped = list(charged_with(account, instrument_id))
            _touch_all(page, stopped)
            instrument.fix_data_at, instrument.fix_data_why = attempted_at, verdict.why
            _stop(page, matter, stopped, FIX_DATA, is_told=is_told, at=attempted_at)
        else:
            restarted = [
                one for one in _few_charged_with(account, instrument_id) if _is_older(one, attempted_at)
            ]
            _touch_all(page, restarted)
            _stop(page, matter, restarted, FIX_DATA, is_told=is_told, at=attempted_at)
        instrument.fix_data_at = max(instrument.fix_data_at or 0, attempted_at)
        account.instrument_changed(instrument_id)


def wait(page: Page, account: OpenAccount, means: Means, verdict: Verdict, attempted_at: int) -> None:
    """Keep the wait that a network asks for, of any class of decline; of several the latest holds."""
    credential = means.credential
    if verdict.hold and attempted_at + verdict.hold > credential.hold_until:
        credential.hold_until, credential.hold_rule = attempted_at + verdict.hold, verdict.hold_rule
        account.credential_changed(means.credential_id)
        _note_moved(page, account, means.credential_id, frees=False)


def data_right(page: Page, account: OpenAccount, instrument_id: str, at: int) -> None:
    """Note that the instrument's data were edited or proved right at an instant: older verdicts do not hold."""
    instrument = account.instrument(instrument_id)
    if instrument.fix_data_at is not None and instrument.fix_data_at <= at:
        freed = list(charged_with(account, instrument_id))
        _touch_all(page, freed)
        for matter in freed:
            matter.moved_by = "instrument_valid"
        instrument.fix_data_at, instrument.fix_data_why = None, ()
        account.instrument_changed(instrument_id)
    if instrument.right_at is None or instrument.right_at < at:
        instrument.right_at = at
        account.instrument_changed(instrument_id)


def note_if_full(page: Page, account: OpenAccount, means: Means, *, frees: bool) -> None:
    """Note that the attempts of other cases on the card have moved, if it is at a network's limit.

    `frees`: one that counted counts no more, or as an earlier one; else attempts can only have moved on.
    """
    if is_full(page.rules.networks, means.credential, page.book.strictest, page.now):
        _note_moved(page, account, means.credential_id, frees=frees)


def _note_moved(page: Page, account: OpenAccount, credential_id: str, *, frees: bool) -> None:
    key = account.account_id, credential_id
    page.delayed[key] = page.delayed.get(key, False) or frees


def correct_others(page: Page) -> None:
    """Plan the other cases anew that are charged on a card whose next attempt has moved; what they show is corrected.

    Not where there are very many: an event costs the same in every account. Their attempts obey the rules all the
    same; what they show is corrected when they are next looked at.
    """
    for (account_id, credential_id), frees in page.delayed.items():
        account = page.account(account_id)
        if account.count_sharing(credential_id, MOST_CORRECTED) > MOST_CORRECTED:
            continue
        charged = (charged_with(account, name) for name in account.sharing(credential_id))
        for matter in _unless_many(chain.from_iterable(charged)):
            # What has no attempt ahead gets none by a delay.
            if not matter.is_settled_up and (frees or matter.case.plan_kind != NO_PLAN):
                touch(page, matter)
                matter.moved_by = "instrument_delayed"
    page.delayed.clear()


def charged_with(account: OpenAccount, instrument_id: str) -> Iterator[Matter]:
    """Every invoice with an open case that is charged on the instrument."""
    for subscription_id in account.tied_to(instrument_id):
        if charged_on(account, subscription_id) == instrument_id:
            yield from account.open_matters_of(subscription_id)


def _touch_charged(page: Page, account: OpenAccount, instrument_id: str) -> None:
    """Take up the cases whose plans rest on what is known of the instrument, unless there are very many."""
    _touch_all(page, _few_charged_with(account, instrument_id))


def _few_charged_with(account: OpenAccount, instrument_id: str) -> list[Matter]:
    """List the open cases that are charged on the instrument; none where there are very many."""
    if account.count_tied(instrument_id) > MOST_CORRECTED:
        return []
    return _unless_many(charged_with(account, instrument_id))


def _unless_many(matters: Iterable[Matter]) -> list[Matter]:
    found = list(islice(matters, MOST_CORRECTED + 1))
    return found if len(found) <= MOST_CORRECTED else []


def _is_older(matter: Matter, at: int) -> bool:
    """Tell whether the case is owed an immediate attempt that was asked for before an instant."""
    owed = matter.case.immediate
    return owed is not None and at > owed.since


def _touch_all(page: Page, matters: list[Matter]) -> None:
    for matter in matters:
        touch(page, matter)


def _stop(
    page: Page,
    declined: Matter | None,
    stopped: list[Matter],
    decline_class: DeclineClass,
    *,
    is_told: bool,
    at: int = 0,
) -> None:
    """Stop cases whose instrument has become blocked by an attempt made `at` an instant; `never` needs none."""
    for matter in stopped:
        if decline_class is NEVER:
            matter.case.immediate = None
        if matter is declined:
            continue  # it may be the answer that its restart waited for
        if _is_older(matter, at):
            matter.case.immediate = None
        matter.moved_by = "instrument_blocked"
        instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
        if is_told and instrument_id is not None:
            action_needed(page, matter, instrument_id, decline_class)
