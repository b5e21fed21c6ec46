"""Rule ids in words: the sentence behind each id that `why` can hold.

The one rule: a sentence comes from data, from `reasons.json` or from the row of a decline code; an id that
has none is shown as it is, never guessed at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dunning.declines.tables import ANY_CODE, CodeTable, CodeTables, Flag
from schemas.charges import Dialect

SPEAKERS: Mapping[Dialect, str] = {
    Dialect.GENERIC: "the biller",
    Dialect.STRIPE: "Stripe",
    Dialect.ADYEN: "Adyen",
    Dialect.BRAINTREE: "Braintree",
    Dialect.ISO8583: "the card issuer",
    Dialect.VISA: "Visa",
    Dialect.MASTERCARD: "Mastercard",
    Dialect.ACH: "the bank (ACH)",
    Dialect.SEPA: "the bank (SEPA)",
    Dialect.BACS: "the bank (Bacs)",
}
"""Who speaks in a code list."""


class ReasonsError(ValueError):
    """A file of sentences that cannot be used; names the row."""


class Sentence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row: an id, or the beginning of ids where it ends in `*`."""

    id: str
    says: str


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file of sentences; the maps have a sentence for each word of the contract's enumerations."""

    note: str
    rules: tuple[Sentence, ...]
    classes: dict[str, str]
    aloud: dict[str, str]  # the classes again, in words that any customer may hear
    requests: dict[str, str]
    notices: dict[str, str]
    states: dict[str, str]
    closings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: the rule's id and what it means.

    `masked` reasons must not be shown to the customer: a thief would learn that the card is known as stolen.
    """

    id: str
    says: str
    masked: bool


class Reasons:
    """All sentences, ready to be asked."""

    __slots__ = ("_codes", "_exact", "_open", "words")

    def __init__(self, words: Wording, tables: CodeTables) -> None:
        """Take the file's content and the decline tables, both checked."""
        self.words = words
        self._exact = {row.id: row.says for row in words.rules if not row.id.endswith("*")}
        # The longest beginning wins, so that a general row may stand beside a special one.
        rows = sorted((row for row in words.rules if row.id.endswith("*")), key=lambda row: -len(row.id))
        self._open = [(row.id.removesuffix("*"), row.says) for row in rows]
        self._codes = _code_sentences(tables)

    def knows(self, rule_id: str) -> bool:
        """Tell whether there is a sentence for the id."""
        return self._sentence(rule_id) is not None

    def because(self, rule_id: str) -> Because:
        """Put a rule id into words; an id without a sentence stands for itself. Nothing is raised."""
        if rule_id in self._codes:
            return self._codes[rule_id]
        return Because(rule_id, self._sentence(rule_id) or f"rule {rule_id}", masked=False)

    def _sentence(self, rule_id: str) -> str | None:
        if rule_id in self._exact:
            return self._exact[rule_id]
        if rule_id in self._codes:
            return self._codes[rule_id].says
        for beginning, says in self._open:
            if rule_id.startswith(beginning) and len(rule_id) > len(beginning):
                return says.replace("{}", rule_id.removeprefix(beginning))
        return None


def read_reasons(content: bytes, tables: CodeTables) -> Reasons:
    """Read and check the content of `reasons.json`.

    Args:
        content: of the file.
        tables: the decline tables; each of their rows gets a sentence from its meaning.

    Raises:
        ReasonsError: another shape; a row that is there twice; a `{}` in the sentence of an id without `*`.
    """
    try:
        words = msgspec.json.decode(content, type=Wording)
    except msgspec.DecodeError as error:
        raise ReasonsError(f"reasons.json: not a list of sentences: {error}; correct the file") from error
    seen: set[str] = set()
    for row in words.rules:
        if row.id in seen:
            raise ReasonsError(f"reasons.json row {row.id}: there twice; remove one")
        if "{}" in row.says and not row.id.endswith("*"):
            raise ReasonsError(f"reasons.json row {row.id}: {{}} without a * in the id; drop it")
        seen.add(row.id)
    return Reasons(words, tables)


def _code_sentences(tables: CodeTables) -> dict[str, Because]:
    found: dict[str, Because] = {}
    for table in (*tables.codes.values(), *tables.advice.values()):
        for row in table.rows:
            # One code may have several rows (by date, profile or network); the most discreet of them counts.
            masked = Flag.MASK in row.flags or (row.id in found and found[row.id].masked)
            found[row.id] = Because(row.id, _code_sentence(table, row.code, row.meaning), masked)
    return found


def _code_sentence(table: CodeTable, code: str, meaning: str) -> str:
    speaker = SPEAKERS[table.dialect]
    kind = "advice code" if table.is_advice else "code"
    if code == ANY_CODE:
        return f"{speaker} gave {'an' if table.is_advice else 'a'} {kind} without a row of its own"
    return f"{speaker} answered with {kind} {code}: {meaning}"
