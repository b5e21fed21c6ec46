"""The table of all topics."""

from schemas.events import INPUT_TYPES
from streams.settings import Settings
from streams.topics import JOURNAL, OUTPUTS, STATE, Difference, Role, told, topic_table


def test_the_table_holds_each_topic_of_the_contract_once() -> None:
    names = [topic.name for topic in topic_table(Settings())]
    assert sorted(names) == sorted({*INPUT_TYPES, JOURNAL, STATE, *OUTPUTS})
    assert set(OUTPUTS) == {
        "charge.retry_requested",
        "dunning.notice_requested",
        "dunning.case_changed",
        "dunning.stage_changed",
        "dunning.dead_letter",
    }


def test_no_two_names_differ_only_in_dots_and_underscores() -> None:
    names = [topic.name.replace(".", "_") for topic in topic_table(Settings())]
    assert len(names) == len(set(names))


def test_the_journal_is_stamped_by_the_broker_and_the_state_compacted() -> None:
    by_role = {topic.role: topic for topic in topic_table(Settings())}
    journal, state = by_role[Role.JOURNAL], by_role[Role.STATE]
    assert journal.configs["message.timestamp.type"] == "LogAppendTime"
    assert journal.configs["retention.ms"] == str(60 * 24 * 3_600_000)
    assert journal.configs["cleanup.policy"] == "delete"
    assert state.configs["cleanup.policy"] == "compact"
    assert "retention.ms" not in state.configs


def test_prefix_partitions_and_replication_hold_for_every_topic() -> None:
    table = topic_table(Settings(topic_prefix="test.", partitions=3, replication=5))
    assert {topic.name[:5] for topic in table} == {"test."}
    assert {(topic.partitions, topic.replication) for topic in table} == {(3, 5)}


def test_two_replicas_must_have_a_record_unless_there_is_one_only() -> None:
    def in_sync(replication: int) -> set[int]:
        table = topic_table(Settings(replication=replication))
        return {topic.at_least["min.insync.replicas"] for topic in table if topic.role is not Role.INPUT}

    assert in_sync(1) == {1}
    assert in_sync(3) == {2}


def test_a_difference_is_one_line() -> None:
    difference = Difference(topic="t", setting="cleanup.policy", actual="delete", wanted="compact")
    assert str(difference) == "topic t: cleanup.policy is delete, should be compact"


def _differ(setting: str, actual: str, wanted: str, *topics: str) -> list[Difference]:
    return [Difference(topic=topic, setting=setting, actual=actual, wanted=wanted) for topic in topics]


def test_settings_other_than_those_the_topics_were_made_with_are_named_as_such() -> None:
    wrong = [
        *_differ("partitions", "8", "4", "a", "b", "c"),
        *_differ("retention.ms", str(30 * 24 * 3_600_000), "at least 5184000000", "a"),
        *_differ("min.insync.replicas", "1", "at least 2", "a", "b"),
        *_differ("retention.ms", "1000", "at least 5184000000", "b"),
    ]
    assert [line.partition("; ")[::2] for line in told(Settings(), wrong).splitlines()] == [
        (
            "topic a: partitions is 8, should be 4 (2 other topics likewise)",
            "set --partitions 8 (DUNNING_PARTITIONS), with which it was made",
        ),
        (
            "topic a: retention.ms is 2592000000, should be at least 5184000000",
            "set --retention-days 30 (DUNNING_RETENTION_DAYS), or have it kept for longer",
        ),
        (
            "topic a: min.insync.replicas is 1, should be at least 2 (1 other topic likewise)",
            "set --replication 1 (DUNNING_REPLICATION) if there is a single broker",
        ),
        ("topic b: retention.ms is 1000, should be at least 5184000000", ""),
    ]


def test_topics_that_are_all_missing_are_one_line() -> None:
    names = [topic.name for topic in topic_table(Settings())]
    assert told(Settings(), _differ("topic", "missing", "there", *names)).splitlines() == [
        "all 17 topics are missing: make them with `dunning topics create`, or set the --topic-prefix that they have"
    ]
    assert told(Settings(), _differ("topic", "missing", "there", *names[:2])).splitlines() == [
        f"topic {name} is missing: make it with `dunning topics create`" for name in names[:2]
    ]
