"""What is wrong with a policy file that can be read: rungs that never come, entries never reached, ceilings.

The one rule: an error is what can never do what it says; a warning is what will often do something else. An
error is refused where policies are set, never where an old journal is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from dunning.attempt_times import Move
from dunning.calendar import DAY, Duration
from dunning.network_rules.limits import CardLimit, NetworkRules
from dunning.networks import MASTERCARD, VISA
from dunning.policy import LadderAnchor, RuleProfile, WindowAnchor
from dunning.policy_file import Path, Problem, read_sections
from dunning.policy_shape import FileSection, PolicySection, WhenSection
from schemas.instants import LATEST, micros
from schemas.payment_methods import InstrumentType

_CARD_NETWORKS: Final = {VISA: "Visa", MASTERCARD: "Mastercard"}  # those that publish their ceilings
_DEBITS: Final = {
    InstrumentType.ACH_DEBIT: "ACH",
    InstrumentType.SEPA_DEBIT: "SEPA",
    InstrumentType.BACS_DEBIT: "Bacs",
}
_NOW: Final = micros(LATEST) - 1  # a ladder is for invoices to come: the newest rules count


def findings(content: Mapping[str, Any], rules: NetworkRules) -> tuple[Problem, ...]:
    """Find what is nonsense or surprising in a policy file.

    Args:
        content: of a policy file, as a YAML reader gives it.
        rules: the ceilings of the networks, for ladders that no network lets through.

    Returns:
        Errors and warnings (`is_warning`), in the order of the file. docs/policies.md lists them all.

    Raises:
        PolicyError: the content cannot be read at all.
    """
    read = read_sections(content)
    found: list[Problem] = []
    for name, policy in read.policies.items():
        here = ("policies", name)
        for check in (_steps, _rungs_and_window, _nearness, _technical, _ends, _stages, _times_of_day):
            found += (Problem((*here, *each.path), each.message, each.is_warning) for each in check(policy))
        found += _ceilings(here, policy, _types_of(name, read), rules)
    found += _selections(read)
    return tuple(found)


# --- one policy: paths begin inside it --------------------------------------


def _steps(policy: PolicySection) -> Iterator[Problem]:
    steps = policy.ladder.steps
    counted = policy.ladder.anchor is LadderAnchor.PREVIOUS_ATTEMPT
    for index, step in enumerate(steps):
        if step.is_zero and counted:
            yield Problem(_step(index), "a gap of nothing would repeat at once; write a duration above 0")
        elif step.is_zero and policy.at is None:
            yield Problem(
                _step(index),
                "is the anchor itself, when the first charge is made; remove it",
                is_warning=True,
            )
    if counted:
        return
    for index, (before, step) in enumerate(pairwise(steps), start=1):
        if step == before:
            yield Problem(_step(index), f"is the same rung as steps[{index - 1}]; remove one")
        elif _not_before(before, step):
            yield Problem(
                _step(index), f"comes before steps[{index - 1}]; write the steps in ascending order"
            )
        elif not _not_before(step, before):
            yield Problem(_step(index), f"comes before steps[{index - 1}] in some months; count both in days")
        elif (
            policy.at is not None
            and step.is_day_based != before.is_day_based
            and step.shortest - before.longest < DAY
        ):
            yield Problem(
                _step(index),
                f"`at` may put it before steps[{index - 1}]; leave a day between them",
                is_warning=True,
            )


def _rungs_and_window(policy: PolicySection) -> Iterator[Problem]:
    length, steps = policy.window.length, policy.ladder.steps
    end = length.plain()
    if policy.ladder.anchor is LadderAnchor.PREVIOUS_ATTEMPT:
        for index, total in enumerate(_totals(steps)):
            if _not_before(total, length):
                never = f"is {total.plain()} after the first decline, but the window ends after {end}"
                if index:
                    yield Problem(
                        _step(index), f"{never}: this gap and the next are never used", is_warning=True
                    )
                else:
                    yield Problem(
                        _step(0), f"{never}: no rung is left; make the gap shorter or the window longer"
                    )
                return
        return
    # A window from a late first decline may still hold a rung that is counted from the invoice date.
    is_sure = not (
        policy.window.anchor is WindowAnchor.FIRST_DECLINE
        and policy.ladder.anchor is LadderAnchor.INVOICE_DATE
    )
    is_written = "steps" in policy.ladder.model_fields_set
    for index, step in enumerate(steps):
        if not _not_before(step, length):
            continue
        late = f"is a rung after {step.plain()}, but the window ends after {end}"
        if not is_written:
            yield Problem(
                _step(index),
                f"{late}: no `steps` are written, and the standard ones end here",
                is_warning=True,
            )
            return
        if is_sure and _not_before(step, _later(length, _earliest_by(policy))):
            yield Problem(_step(index), f"{late}: it never comes; remove it or make window.length longer")
        else:
            yield Problem(_step(index), f"{late}: it seldom comes", is_warning=True)


def _nearness(policy: PolicySection) -> Iterator[Problem]:
    steps, least = policy.ladder.steps, policy.min_gap.exact_micros()
    counted = policy.ladder.anchor is LadderAnchor.PREVIOUS_ATTEMPT
    nothing = Duration()
    for index, (before, step) in enumerate(pairwise((nothing, *steps))):
        gap = step.longest - (0 if counted else before.longest)
        if 0 < gap < least:
            earlier = f"steps[{index - 1}]" if index else "the first charge"
            less = f"comes less than min_gap ({policy.min_gap.plain()}) after {earlier}"
            yield Problem(
                _step(index), f"{less} and is skipped if that was tried; lower min_gap", is_warning=True
            )
        if policy.spread and not counted and index and 0 < gap <= policy.spread.exact_micros():
            yield Problem(
                ("spread",),
                f"{policy.spread.plain()} lets steps[{index - 1}] and steps[{index}] overlap; make it shorter"
                " than the time between any two rungs",
            )


def _technical(policy: PolicySection) -> Iterator[Problem]:
    for index, total in enumerate(_totals(policy.technical)):
        if _not_before(total, policy.window.length):
            yield Problem(
                ("technical", index),
                f"is {total.plain()} after the decline, but the window is {policy.window.length.plain()};"
                " use minutes, hours or few days",
                is_warning=bool(index),
            )
            return


def _ends(policy: PolicySection) -> Iterator[Problem]:
    length = policy.window.length
    notice, close = policy.closing_notice, policy.never.close_after
    if notice is not None and (notice.is_zero or _not_before(notice, length)):
        when = "at the end itself" if notice.is_zero else "no later than the window begins"
        yield Problem(
            ("closing_notice",),
            f"is {when}: it warns nobody; write null, or less than the window",
            is_warning=True,
        )
    if close is not None and _not_before(close, length):
        yield Problem(
            ("never", "close_after"),
            f"the window ends before it, after {length.plain()}; make it less",
            is_warning=True,
        )
    if policy.answer_within.exact_micros() >= length.longest:
        yield Problem(
            ("answer_within",),
            "is longer than the window: no request is ever overdue; make it less",
            is_warning=True,
        )


def _stages(policy: PolicySection) -> Iterator[Problem]:
    names: set[str] = set()
    for index, stage in enumerate(policy.stages):
        if stage.name in names:
            yield Problem(
                ("stages", index, "name"), f"{stage.name!r} is used twice; give each stage its own name"
            )
        names.add(stage.name)
        before = policy.stages[index - 1].after if index else None
        if before is None:
            continue
        if stage.after == before:
            yield Problem(
                ("stages", index, "after"), f"begins with stages[{index - 1}]; give each its own age"
            )
        elif not _not_before(stage.after, before):
            yield Problem(("stages", index, "after"), f"begins before stages[{index - 1}]; order them by age")


def _times_of_day(policy: PolicySection) -> Iterator[Problem]:
    quiet, at = policy.quiet_hours, policy.at
    if quiet is None or at is None:
        return
    starts, ends = quiet.from_, quiet.to
    inside = starts <= at < ends if starts < ends else at >= starts or at < ends
    if inside:
        yield Problem(
            ("at",), "lies inside quiet_hours: every rung would move to their end; write that time instead"
        )


# --- ceilings --------------------------------------


def _ceilings(
    here: Path, policy: PolicySection, types: frozenset[InstrumentType], rules: NetworkRules
) -> Iterator[Problem]:
    """Compare a ladder, every attempt declined, with what the networks let through.

    It is an error if no network that the policy can meet lets it through, a warning if some do.
    """
    if policy.rules is RuleProfile.NONE:
        return
    cuts = dict(_cuts(policy, types, rules))
    met = len(_CARD_NETWORKS) * (InstrumentType.CARD in types) + len(types & _DEBITS.keys())
    # A wallet or another instrument has no ceiling, so some attempts get through.
    if cuts and len(cuts) == met and not types - _DEBITS.keys() - {InstrumentType.CARD}:
        index = max(cut for cut, _ in cuts.values())
        reasons = " and ".join(reason for _, reason in cuts.values())
        yield Problem(
            (*here, *_step(index)), f"no network lets this rung through: {reasons}; plan fewer attempts"
        )
        return
    for network, (index, reason) in cuts.items():
        yield Problem(
            (*here, *_step(index)), f"on {network} this rung is moved or dropped: {reason}", is_warning=True
        )


def _cuts(
    policy: PolicySection, types: frozenset[InstrumentType], rules: NetworkRules
) -> Iterator[tuple[str, tuple[int, str]]]:
    """Name for each network that cuts the ladder the first rung it cuts, and why."""
    steps = policy.ladder.steps
    if policy.ladder.anchor is LadderAnchor.PREVIOUS_ATTEMPT:
        steps = list(_totals(steps))
    rungs = [step.shortest for step in steps if not _not_before(step, policy.window.length)]
    if InstrumentType.CARD in types:
        for network, title in _CARD_NETWORKS.items():
            limits = rules.card_limits(network, policy.rules, _NOW)
            found = [cut for cut in (_card_cut(rungs, limit) for limit in limits) if cut is not None]
            if found:
                yield title, min(found)
    for kind, title in _DEBITS.items():
        limit = rules.debit_limit(kind, policy.rules) if kind in types else None
        if limit is None:
            continue
        late = [
            index for index, rung in enumerate(rungs) if rung >= limit.ends_at(0) or index >= limit.further
        ]
        if late:
            yield title, (late[0], f"{limit.ids[0]} allows {limit.further} after the first, for a time")


def _card_cut(rungs: Sequence[int], limit: CardLimit) -> tuple[int, str] | None:
    made = [0, *rungs]  # the biller's own first charge counts too
    for index, rung in enumerate(rungs):
        if sum(earlier > rung - limit.period for earlier in made[: index + 1]) >= limit.limit:
            days = limit.period // DAY
            return (
                index,
                f"{limit.rule_id} lets {limit.limit} through in {f'{days} days' if days > 1 else '24 hours'}",
            )
    return None


def _types_of(name: str, read: FileSection) -> frozenset[InstrumentType]:
    """Name the kinds of instrument a policy is selected for; cards, where `select` does not ask."""
    entries = [entry for entry in read.select if entry.use == name]
    asked = [entry.when.instrument_type for entry in entries]
    if not asked or None in asked:
        return frozenset({InstrumentType.CARD})
    return frozenset(InstrumentType(each) for types in asked for each in types or ())


# --- select --------------------------------------


def _selections(read: FileSection) -> Iterator[Problem]:
    for index, entry in enumerate(read.select):
        for earlier in range(index):
            if _covers(read.select[earlier].when, entry.when):
                yield Problem(
                    ("select", index),
                    f"is never reached: select[{earlier}] always matches before; remove it or move it up",
                )
                break
    if read.select and not any(_covers(entry.when, WhenSection()) for entry in read.select):
        yield Problem(
            ("select", len(read.select) - 1),
            "what no entry matches follows standard, or the only policy; end with an entry without `when`",
            is_warning=True,
        )
    if read.select:
        used = {entry.use for entry in read.select}
        for name in read.policies:
            if name not in used:
                yield Problem(
                    ("policies", name),
                    "no entry of select uses it; only invoices that name it follow it",
                    is_warning=True,
                )


def _covers(wide: WhenSection, narrow: WhenSection) -> bool:
    """Whether every invoice that meets `narrow` meets `wide`."""
    pairs = [
        (wide.currency, narrow.currency),
        (wide.instrument_type, narrow.instrument_type),
        (wide.country, narrow.country),
        *((values, narrow.labels.get(name)) for name, values in wide.labels.items()),
    ]
    if not all(a is None or (b is not None and set(b) <= set(a)) for a, b in pairs):
        return False
    if wide.amount_minor is None:
        return True
    if narrow.amount_minor is None:
        return False
    outer, inner = wide.amount_minor, narrow.amount_minor
    above = outer.min is None or (inner.min is not None and inner.min >= outer.min)
    return above and (outer.max is None or (inner.max is not None and inner.max <= outer.max))


# --- comparing durations --------------------------------------


def _step(index: int) -> Path:
    return ("ladder", "steps", index)


def _not_before(late: Duration, early: Duration) -> bool:
    """Whether `late` ends no sooner than `early` from any date on; days count as 24 hours."""
    if late.months == early.months:
        return late.days * DAY + late.micros >= early.days * DAY + early.micros
    return late.shortest >= early.longest


def _later(length: Duration, micros: int) -> Duration:
    return Duration(months=length.months, days=length.days, micros=length.micros + micros)


def _earliest_by(policy: PolicySection) -> int:
    """How much earlier than its step a rung may come, by `at` or an earlier business day; microseconds."""
    days = policy.business_days
    by = DAY if policy.at is not None else 0
    return by + (7 * DAY if days and days.move is Move.PREVIOUS else 0)


def _totals(gaps: Sequence[Duration]) -> Iterator[Duration]:
    return accumulate(
        gaps,
        lambda total, gap: Duration(
            total.months + gap.months, total.days + gap.days, total.micros + gap.micros
        ),
    )
