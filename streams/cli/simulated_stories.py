"""`dunning simulate --explain`: the stories of a simulation. Imported only for them."""

from collections.abc import Sequence

from dunning.charger import Charger
from dunning.explanation.history import Told, history_of, invoices_of
from dunning.explanation.story import tell
from dunning.simulation import Line
from schemas.decisions import RetryRequested
from schemas.envelope import Event
from schemas.instants import micros
from schemas.writing import OutputData, read_written
from streams.cli.story_view import new_console, show
from streams.errors import Trouble
from streams.reasons import load_reasons
from streams.rules import load_rules


def explain_simulation(
    invoice_id: str, lines: Sequence[Line], written: Sequence[bytes], charger: Charger, until: int | None
) -> int:
    """Print the story of one invoice, or of each that has a case.

    Args:
        invoice_id: which one; empty: all.
        lines: the input, in order of arrival.
        written: what the simulation wrote.
        charger: what answered its requests.
        until: where its clock stopped, microseconds UTC; None: at the last line.

    Returns:
        How many stories were printed.

    Raises:
        Trouble: the invoice does not occur.
    """
    decided = [read_written(value) for value in written]
    told = told_in(lines, decided, charger, until)
    wanted = [one for one in _invoices(told, decided) if not invoice_id or one[1] == invoice_id]
    if not wanted and invoice_id:
        raise Trouble(f"invoice {invoice_id} does not occur in these events; check the id")
    reasons, console = load_reasons(load_rules().declines.tables), new_console()
    printed = 0
    for account_id, name in wanted if invoice_id else invoices_of(decided):
        history = history_of(name, account_id, told, decided)
        if history is not None:
            show(tell(history, reasons), console)
            printed += 1
    return printed


def told_in(
    lines: Sequence[Line], decided: Sequence[Event[OutputData]], charger: Charger, until: int | None
) -> list[Told]:
    """List what the engine came to know in a simulation: the lines, and what the charger answered.

    A charger answers from the request and its instant alone, so its answers can be asked for again.
    """
    told: list[Told] = []
    now = 0
    for line in lines:
        now = max(now, line.arrives_at or 0)
        if line.event is not None:
            told.append(Told(now, line.event))
    ends_at = max(now, until or 0)
    answers: list[Told] = []
    for event in decided:
        if isinstance(event.data, RetryRequested):
            answer = charger.answer(event.data, micros(event.time))
            if answer is not None and answer[0] <= ends_at:
                answers.append(Told(*answer))
    # Input lines come before answers of the same instant (contract section 6, Order); sorting keeps that.
    return sorted([*told, *answers], key=lambda one: one.at)


def _invoices(told: Sequence[Told], decided: Sequence[Event[OutputData]]) -> list[tuple[str, str]]:
    found = dict.fromkeys(invoices_of(decided))
    for one in told:
        invoice_id = getattr(one.event.data, "invoice_id", None)
        account_id = getattr(one.event.data, "account_id", None)
        if invoice_id is not None and account_id is not None:
            found[account_id, invoice_id] = None
    return list(found)
