"""Policy files: what they mean, what is refused and where, and which policy an invoice follows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dunning.calendar import HOUR, Duration
from dunning.policy import PolicySet
from dunning.policy_file import STANDARD, PolicyError, policy_from_content, read_policies
from streams.policies import PolicyFileError, load_policy_file, read_policy_text

CASES = Path(__file__).parents[4] / "shared" / "cases"

CARD_NUMBER = "holds a card number, which no event may carry; write something else"


def refused(text: str) -> list[str]:
    with pytest.raises(PolicyFileError) as caught:
        read_policy_text(text, "F")
    return str(caught.value).splitlines()


def warned(text: str) -> list[str]:
    return list(read_policy_text(text, "F").located())


def choose(policies: PolicySet, **invoice: Any) -> tuple[str, tuple[str, ...]]:
    given: dict[str, Any] = {
        "named": None,
        "currency": "EUR",
        "labels": {},
        "instrument_type": "card",
        "country": "DE",
        "amount_minor": 4900,
    }
    policy, why = policies.choose(**(given | invoice))
    return policy.name, why


def test_without_a_file_the_contract_s_values_hold() -> None:
    standard = STANDARD.policies["standard"]
    assert standard.content == {
        "window": {"anchor": "invoice_date", "length": 28},
        "ladder": {"anchor": "invoice_date", "steps": [3, 7, 12, 17, 21, 26]},
        "technical": ["PT10M", "PT1H", "PT6H"],
        "min_gap": "PT12H",
        "answer_within": "PT1H",
        "at": None,
        "closing_notice": 3,
        "expiry_notice": None,
        "never": {"close_after": None},
        "stages": [],
        "rules": "current",
        "business_days": None,
        "quiet_hours": None,
        "spread": None,
    }
    assert standard.min_gap == 12 * HOUR
    assert standard.ref == "standard@30cd918f3007"  # pinned: written events and open cases carry it


def test_the_digest_names_the_meaning_and_not_the_spelling() -> None:
    one, two, other = (
        policy_from_content("p", {"ladder": {"steps": steps}})
        for steps in ([7, 14], ["P1W", "P2W"], ["PT168H", 14])
    )
    assert one.digest == two.digest != other.digest


def test_compiled_content_compiles_to_the_same_policy() -> None:
    text = """
      policies:
        a: {at: "09:30", spread: PT1H, quiet_hours: {from: "22:00", to: "07:00"}, rules: none,
            stages: [{name: x, after: P1M}], never: {close_after: 5},
            business_days: {country: DE, subdivision: BY, move: previous}}
    """
    policy = read_policy_text(text, "F").policies.policies["a"]
    assert policy_from_content("a", policy.content) == policy
    assert policy.business_days is not None
    assert policy.business_days.holidays


def test_the_content_for_the_journal_needs_no_look_up() -> None:
    read = read_policy_text("policies: {a: {business_days: {country: ECB}}}", "F")
    assert read_policies(read.content) == read.policies
    with pytest.raises(PolicyError, match="have not been looked up"):
        read_policies({"policies": {"a": {"business_days": {"country": "ECB"}}}})


@pytest.mark.skipif(not CASES.exists(), reason="the contract's cases are not beside the project")
def test_the_contract_s_own_policies_are_accepted() -> None:
    found = sorted(CASES.glob("*/policy.yaml"))
    assert len(found) >= 20
    for path in found:
        assert load_policy_file(path).policies.policies


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            'policies:\n  "4111 1111 1111 1111":\n    stages: [{name: "4242424242424242", after: 1}]',
            [
                f"F:2: policies.**** **** **** 1111: {CARD_NUMBER}",
                f"F:3: policies.**** **** **** 1111.stages[0].name: {CARD_NUMBER}",
            ],
        ),
        (
            'policies: {a: {}}\nselect:\n- {when: {label.card: [x, "4111111111111111"]}, use: a}\n- {use: a}',
            [f"F:3: select[0].when.label.card[1]: {CARD_NUMBER}"],
        ),
        (
            'policies:\n  "a\\nb": {}',
            ["F:2: policies.'a\\nb': holds a control character, such as a line break; write it without"],
        ),
        (
            "policies:\n  a@b: {}",
            ["F:2: policies.a@b: holds an @, which stands between name and digest in events; leave it out"],
        ),
    ],
)
def test_what_may_not_stand_in_events_is_refused_also_where_nonsense_is_tried_out(
    text: str, lines: list[str]
) -> None:
    assert refused(text) == lines
    with pytest.raises(PolicyFileError, match="F:"):
        read_policy_text(text, "F", refuse_nonsense=False)


def test_policies_of_an_old_journal_are_read_whatever_their_names() -> None:
    assert read_policies({"policies": {"a@b": {}}}).policies["a@b"].name == "a@b"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("policies:\n  a:\n    windw: {}", "F:3: policies.a.windw: unknown key (did you mean window?)"),
        (
            "policies:\n  a: {window: {lenth: 3}}",
            "F:2: policies.a.window.lenth: unknown key (did you mean length?)",
        ),
        (
            "policies:\n  a:\n    at: 18:00",
            'F:3: policies.a.at: 1080 is a number; YAML 1.1 reads an unquoted time so; write "18:00"',
        ),
        ("policies:\n  a:\n    at: '9:00'", "F:3: policies.a.at: '9:00' is no time of day"),
        (
            "policies:\n  a: {ladder: {steps: [3,\n  x]}}",
            "F:3: policies.a.ladder.steps[1]: 'x' is no duration",
        ),
        ("policies:\n  a: {ladder: {steps: 3}}", "F:2: policies.a.ladder.steps: 3 is no list"),
        (
            "policies:\n  a: {stages: {name: a, is: [true, .nan]}}",
            "F:2: policies.a.stages: {name: 'a', is: [true, .nan]} is no list; write it in brackets: [{name: warning",
        ),
        (
            "policies: {a: {}}\nselect: [{when: {amount_minor: 100}, use: a}, {use: a}]",
            "F:2: select[0].when.amount_minor: 100 is no mapping; write {min: 100, max: 100}",
        ),
        ('policies:\n  "": {}', "F:2: policies.'': is an empty text; write 1 to 200 characters"),
        ("policies:\n  a: {window: 28}", "F:2: policies.a.window: 28 is no mapping"),
        ("policies:\n  a: {rules: loose}", "F:2: policies.a.rules: 'loose' is not known; one of 'current'"),
        ("policies:\n  a: {min_gap: P1M}", "F:2: policies.a.min_gap: months and years have no exact length"),
        ("policies:\n  a: {window: {length: 0}}", "F:2: policies.a.window.length: is no time at all"),
        ("policies:\n  a: {technical: [PT0S]}", "F:2: policies.a.technical[0]: is no time at all"),
        ("policies:\n  a: {stages: [{name: x}]}", "F:2: policies.a.stages[0].after: is missing"),
        ("policies:\n  a: {}\n  a: {}", "F:3: policies.a: is written twice"),
        ("policies:\n  1: {}", "F:2: policies.1: 1 is no text"),
        ("policies: {}", "F:1: policies: is empty"),
        ("select: []", "F:1: policies: is missing"),
        ("", "F:1: the file: holds no `policies:`"),
        ("policies:\n  a: {", "F:2: the file: no YAML"),
        ("policies: {a: {}, b: {}}", "F:1: select: several policies and none is called standard"),
        (
            "policies:\n  a: {}\nselect:\n  - {use: b}",
            "F:4: select[0].use: no policy is called 'b'; there are: a",
        ),
        (
            "policies: {a: {}}\nselect: [{when: {country: NO}, use: a}]",
            "F:2: select[0].when.country: false is no text; YAML 1.1",
        ),
        (
            "policies: {a: {}}\nselect: [{when: {label.n: 1}, use: a}]",
            "F:2: select[0].when.label.n: 1 is no text",
        ),
        (
            "policies: {a: {}}\nselect: [{when: {currency: XAU}, use: a}]",
            "F:2: select[0].when.currency: 'XAU' is no ISO 4217",
        ),
        (
            "policies: {a: {}}\nselect: [{when: {instrument_type: sepa}, use: a}]",
            "F:2: select[0].when.instrument_type: 'sepa' is no",
        ),
        (
            "policies: {a: {}}\nselect: [{when: {amount_minor: {min: 2, max: 1}}, use: a}]",
            "F:2: select[0].when.amount_minor: min 2 is",
        ),
        (
            "policies:\n  a:\n    business_days: {country: XX}",
            "F:3: policies.a.business_days.country: no holidays are known",
        ),
        (
            "policies:\n  a:\n    business_days: {country: ECB, resolved: {}}",
            "F:3: policies.a.business_days.resolved: is looked up",
        ),
    ],
)
def test_refuses_with_file_line_and_field(text: str, line: str) -> None:
    assert any(each.startswith(line) for each in refused(text)), refused(text)


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        ("ladder: {steps: [3, 28]}", "ladder.steps[1]: is a rung after 28, but the window ends after 28"),
        ("window: {length: P1M}, ladder: {steps: [P1M]}", "ladder.steps[0]: is a rung after P1M"),
        ("ladder: {steps: [7, 3]}", "ladder.steps[1]: comes before steps[0]; write"),
        ("ladder: {steps: [7, P1W]}", "ladder.steps[1]: is the same rung as steps[0]"),
        (
            "window: {length: 60}, ladder: {steps: [30, P1M]}",
            "ladder.steps[1]: comes before steps[0] in some months",
        ),
        (
            "window: {length: 8}, ladder: {anchor: previous_attempt, steps: [8]}",
            "ladder.steps[0]: is 8 after the first",
        ),
        ("ladder: {anchor: previous_attempt, steps: [3, 0]}", "ladder.steps[1]: a gap of nothing"),
        ("technical: [28]", "technical[0]: is 28 after the decline"),
        ("spread: P4D", "spread: 4 lets steps[0] and steps[1] overlap"),
        ("at: '21:00', quiet_hours: {from: '20:00', to: '08:00'}", "at: lies inside quiet_hours"),
        ("stages: [{name: x, after: 9}, {name: y, after: 5}]", "stages[1].after: begins before stages[0]"),
        ("stages: [{name: x, after: 9}, {name: y, after: 9}]", "stages[1].after: begins with stages[0]"),
        ("stages: [{name: x, after: 5}, {name: x, after: 9}]", "stages[1].name: 'x' is used twice"),
        (
            f"min_gap: PT0S, ladder: {{steps: [{', '.join(f'PT{hour}H' for hour in range(1, 25))}]}}",
            "ladder.steps[19]: no network lets this rung through: visa.limit.30d",
        ),
    ],
)
def test_nonsense_is_refused_where_policies_are_set_and_read_where_they_are_replayed(
    policy: str, finding: str
) -> None:
    text = f"policies:\n  a: {{{policy}}}"
    assert any(line.startswith(f"F:2: policies.a.{finding}") for line in refused(text)), refused(text)
    assert read_policies(yaml.safe_load(text)).policies
    assert read_policy_text(text, "F", refuse_nonsense=False).problems


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        (
            "ladder: {anchor: previous_attempt, steps: [10, 10, 10]}",
            "ladder.steps[2]: is 30 after the first decline",
        ),
        ("window: {anchor: first_decline}, ladder: {steps: [3, 30]}", "ladder.steps[1]: is a rung after 30"),
        ("at: '06:00', ladder: {steps: [3, 28]}", "ladder.steps[1]: is a rung after 28"),
        ("ladder: {steps: [3, PT75H]}", "ladder.steps[1]: comes less than min_gap (PT12H) after steps[0]"),
        (
            "window: {length: 14}",
            "ladder.steps[3]: is a rung after 17, but the window ends after 14: no `steps`",
        ),
        ("closing_notice: 28", "closing_notice: is no later than the window begins"),
        ("never: {close_after: 28}", "never.close_after: the window ends before it"),
        ("answer_within: 28", "answer_within: is longer than the window"),
        ("ladder: {steps: [0, 3]}", "ladder.steps[0]: is the anchor itself"),
        ("at: '09:00', ladder: {steps: [PT36H, 2]}", "ladder.steps[1]: `at` may put it before steps[0]"),
        (
            f"ladder: {{steps: {list(range(1, 28))}}}",
            "ladder.steps[19]: on Visa this rung is moved or dropped",
        ),
        (
            f"ladder: {{steps: {list(range(1, 28))}}}, rules: strict",
            "ladder.steps[14]: on Visa this rung is moved",
        ),
    ],
)
def test_surprises_are_warned_about(policy: str, finding: str) -> None:
    found = warned(f"policies:\n  a: {{{policy}}}")
    assert any(line.startswith(f"F:2: policies.a.{finding}") for line in found), found


def test_no_ceiling_is_looked_at_under_rules_none() -> None:
    assert not warned(f"policies: {{a: {{rules: none, ladder: {{steps: {list(range(1, 28))}}}}}}}")


@pytest.mark.parametrize("kind", ["sepa_debit", "ach_debit"])
def test_a_debit_policy_with_too_many_presentations_is_refused(kind: str) -> None:
    select = f"[{{when: {{instrument_type: {kind}}}, use: a}}, {{use: standard}}]"
    text = f"policies: {{a: {{ladder: {{steps: [5, 10, 15]}}}}, standard: {{}}}}\nselect: {select}"
    assert refused(text)[0].startswith("F:1: policies.a.ladder.steps[2]: no network lets this rung through")
    assert not warned(text.replace(", 15]", "]"))
    mixed = text.replace(kind, f"[{kind}, wallet]")
    assert warned(mixed)[0].endswith("allows 2 after the first, for a time")


@pytest.mark.parametrize(
    ("entries", "finding"),
    [
        ("[{use: standard}, {when: {currency: EUR}, use: a}]", "select[1]: is never reached: select[0]"),
        (
            "[{when: {currency: [EUR, USD]}, use: a}, {when: {currency: EUR, label.x: y}, use: standard}]",
            "select[1]: is never",
        ),
        (
            "[{when: {amount_minor: {min: 5}}, use: a}, {when: {amount_minor: {min: 9}}, use: standard}]",
            "select[1]: is",
        ),
    ],
)
def test_an_entry_that_is_never_reached_is_refused(entries: str, finding: str) -> None:
    lines = refused(f"policies: {{standard: {{}}, a: {{}}}}\nselect: {entries}")
    assert any(line.startswith(f"F:2: {finding}") for line in lines), lines


SELECT = read_policies(
    yaml.safe_load(
        """
policies: {standard: {}, annual: {}, debit: {}, large: {}, north: {}}
select:
  - {when: {currency: EUR, label.plan: annual, instrument_type: card}, use: annual}
  - {when: {instrument_type: [sepa_debit, ach_debit]}, use: debit}
  - {when: {amount_minor: {min: 10000, max: 20000}}, use: large}
  - {when: {country: "NO"}, use: north}
  - {use: standard}
"""
    )
)


@pytest.mark.parametrize(
    ("invoice", "expected"),
    [
        ({}, ("standard", ("policy.select.5",))),
        ({"labels": {"plan": "annual"}}, ("annual", ("policy.select.1",))),
        ({"labels": {"plan": "annual"}, "currency": "USD"}, ("standard", ("policy.select.5",))),
        ({"instrument_type": "ach_debit"}, ("debit", ("policy.select.2",))),
        ({"instrument_type": None, "country": None}, ("standard", ("policy.select.5",))),
        ({"amount_minor": 9_999}, ("standard", ("policy.select.5",))),
        ({"amount_minor": 10_000}, ("large", ("policy.select.3",))),
        ({"amount_minor": 20_000}, ("large", ("policy.select.3",))),
        ({"amount_minor": 20_001}, ("standard", ("policy.select.5",))),
        ({"country": "NO"}, ("north", ("policy.select.4",))),
        ({"named": "north"}, ("north", ("policy.named",))),
        ({"named": "nowhere", "country": "NO"}, ("north", ("policy.unknown_name", "policy.select.4"))),
    ],
)
def test_the_first_entry_that_matches_wins(
    invoice: dict[str, Any], expected: tuple[str, tuple[str, ...]]
) -> None:
    assert choose(SELECT, **invoice) == expected


def test_without_select_standard_or_the_only_one_applies() -> None:
    assert choose(read_policies({"policies": {"a": {}, "standard": {}}})) == ("standard", ("policy.default",))
    assert choose(read_policies({"policies": {"a": None}})) == ("a", ("policy.default",))


def test_fixed_rungs_are_compiled_in_ascending_order_and_gaps_as_written() -> None:
    steps = {"steps": [7, "PT18H", 3]}
    assert policy_from_content("p", {"ladder": steps}).steps[0] == Duration(micros=18 * HOUR)
    gaps = {"anchor": "previous_attempt", **steps}
    assert policy_from_content("p", {"ladder": gaps}).steps[0] == Duration(days=7)


@pytest.mark.parametrize(
    "text",
    [
        "&a [*a]",
        "policies: &a {x: *a}",
        "policies: !!python/object/apply:os.system [true]",
        "[" * 5_000,
        "policies: {a: {at: 2026-02-31}}",
        "policies: {a: {}} \x00",
        "a: &a [x,x]\nb: &b [*a,*a]\n"
        + "\n".join(
            f"c{i}: &c{i} [*{'b' if i == 0 else f'c{i - 1}'},*b,*b,*b,*b,*b,*b,*b]" for i in range(9)
        ),
    ],
    ids=[
        "alias to itself",
        "mapping in itself",
        "a python object",
        "deep",
        "no date",
        "control",
        "many aliases",
    ],
)
def test_hostile_yaml_is_refused(text: str) -> None:
    assert refused(text)


def test_an_alias_may_share_values_between_policies(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("policies:\n  standard: &s {rules: strict}\n  b: {<<: *s, at: '09:00'}\n")
    assert load_policy_file(path).policies.policies["b"].rules == "strict"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match=r"nowhere\.yaml: cannot be read"):
        load_policy_file(tmp_path / "nowhere.yaml")
