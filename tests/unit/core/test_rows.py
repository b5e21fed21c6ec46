"""A row that an older version wrote still reads: fields are added at the end of a record, with a default."""

import msgspec

from dunning.records import (
    Account,
    Bundle,
    Case,
    Credential,
    Immediate,
    InFlight,
    Instrument,
    Invoice,
    Presented,
    ProvidersWord,
    Provisional,
    Quarantined,
    Subscription,
)

# Written by version 0.1.0 and never to be written anew: whoever has to change it breaks every running installation.
ROW = bytes.fromhex(
    "9593a4706d2d3191a7733a7375622d31c408313233343536373881a57375622d3197a4706d2d32a4706d2d3307a67761726e"
    "656491a4696e2d3102c381a4696e2d31dc0018a57375622d31a3455552cd1324cd0fa0cd0fa0cd0384c201a3555443c081a4"
    "706c616ea6616e6e75616cc400c400c400919aa463682d31a6696e2d312f31a172c3c2a00500c3c2c0c081a96163685f6465"
    "62697492cd13249105dc00260009c0c2c000c000c095b0696e737472756d656e745f626f756e640304c2a169019405a4706d"
    "2d32a172c200a16c91b67374726970652e67656e657269635f6465636c696e6500c29305c306c2c2c09090c0a00000c0c000"
    "c000c200009502c000c09081a6696e2d312f31a4706d2d32c3c0c000c00881a4706d2d3299a463617264a476697361a166c0"
    "c00591b37374726970652e657870697265645f63617264c0c081a223669790a476697361910581a6696e2d312f310500c091"
    "a4706d2d32"
)
BUNDLE = Bundle(
    account=Account(default="pm-1", pauses=["s:sub-1"], events=b"12345678"),
    subscriptions={
        "sub-1": Subscription(
            own="pm-2",
            seen="pm-3",
            ended_at=7,
            stage="warned",
            unpaid=["in-1"],
            stages_told=2,
            is_own_seen=True,
        )
    },
    invoices={
        "in-1": Invoice(
            "sub-1",
            "EUR",
            amount=4900,
            balance=4000,
            open_balance=4000,
            paid=900,
            issued_at=1,
            labels={"plan": "annual"},
            quarantined=[Quarantined("ch-1", "in-1/1", "r", reconcile=True, counted_at=5)],
            presented={"ach_debit": Presented(4900, [5])},
            case=Case(
                policy=0,
                window_ends_at=9,
                immediate=Immediate("instrument_bound", 3, 4),
                attempts=1,
                request=InFlight(5, "pm-2", "r"),
                decline_letter="l",
                decline_why=("stripe.generic_decline",),
                provider=ProvidersWord(5, holds=True, next_at=6),
                provisional=Provisional(begins_at=2),
                superseded={"in-1/1": "pm-2"},
                begins_anew=True,
            ),
            paid_at=8,
        )
    },
    instruments={
        "pm-2": Instrument(
            type="card", network="visa", fingerprint="f", fix_data_at=5, fix_data_why=("stripe.expired_card",)
        )
    },
    credentials={"#f": Credential(network="visa", attempts=[5], unanswered={"in-1/1": 5})},
)


def test_a_row_of_the_first_version_still_reads() -> None:
    assert msgspec.msgpack.decode(ROW, type=Bundle) == BUNDLE
