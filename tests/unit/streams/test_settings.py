"""Settings: order of sources, what is refused and how it is said, secrets."""

import re
from pathlib import Path

import pytest

from streams.errors import Misuse
from streams.exempt_fields import id_paths
from streams.settings import Settings, load_settings


def refused(flags: dict[str, object] | None = None) -> str:
    with pytest.raises(Misuse) as caught:
        load_settings(flags)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_flags_win_over_environment_over_file_over_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "dunning.toml"
    file.write_text('app_id = "of-file"\npartitions = 3\nreplication = 2\n')
    monkeypatch.setenv("DUNNING_CONFIG", str(file))
    monkeypatch.setenv("DUNNING_PARTITIONS", "4")
    monkeypatch.setenv("DUNNING_APP_ID", "of-environment")

    effective = load_settings({"app_id": "of-flag", "replication": None})

    settings = effective.settings
    assert (settings.app_id, settings.partitions, settings.replication) == ("of-flag", 4, 2)
    assert settings.topic_prefix == ""
    assert effective.origins["app_id"] == "--app-id"
    assert effective.origins["partitions"] == "DUNNING_PARTITIONS"
    assert effective.origins["replication"] == f"file {file}"
    assert effective.origins["topic_prefix"] == "default"


def test_every_setting_has_an_origin() -> None:
    assert set(load_settings().origins) == set(Settings.model_fields)


def test_an_unknown_variable_is_refused_with_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_BOOTSRAP", "x:1")
    assert refused() == "unknown environment variable DUNNING_BOOTSRAP: did you mean DUNNING_BOOTSTRAP?"


def test_a_variable_that_is_like_no_setting_points_to_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_QQQQQQQQQQQ", "1")
    assert (
        refused() == "unknown environment variable DUNNING_QQQQQQQQQQQ: `dunning config` lists all settings"
    )


def test_a_plain_setting_has_no_file_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_BOOTSTRAP_FILE", "x")
    assert refused().startswith("unknown environment variable DUNNING_BOOTSTRAP_FILE")


def test_an_unknown_key_in_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "dunning.toml"
    file.write_text("partition = 3\n")
    monkeypatch.setenv("DUNNING_CONFIG", str(file))
    assert refused() == f"unknown setting 'partition' in {file}: did you mean partitions?"


def test_a_wrong_value_in_the_file_names_key_and_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "dunning.toml"
    file.write_text("partitions = 0\n")
    monkeypatch.setenv("DUNNING_CONFIG", str(file))
    assert refused() == f"partitions in file {file}: must be greater than or equal to 1"


@pytest.mark.parametrize("content", [b"partitions = ", b"\xff\xfe"], ids=["no TOML", "no UTF-8"])
def test_a_file_that_is_no_toml_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "dunning.toml"
    file.write_bytes(content)
    monkeypatch.setenv("DUNNING_CONFIG", str(file))
    assert refused().startswith(f"DUNNING_CONFIG: {file} is no TOML: ")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"partitions": "x"},
            "--partitions: must be a valid integer, unable to parse string as an integer (it is 'x')",
        ),
        (
            {"bootstrap": "localhost"},
            "--bootstrap: brokers are written host:port, separated by commas (it is 'localhost')",
        ),
        (
            {"topic_prefix": "a b"},
            "--topic-prefix: string should match pattern '^[A-Za-z0-9._-]*$' (it is 'a b')",
        ),
        ({"security_protocol": "SASL_SSL"}, "security_protocol SASL_SSL needs sasl_mechanism"),
        ({"sasl_username": "u"}, "sasl_username is given, but security_protocol is PLAINTEXT"),
        ({"ssl_ca_location": __file__}, "ssl_ca_location is given, but security_protocol is PLAINTEXT"),
        ({"ssl_ca_location": "nope.pem"}, "--ssl-ca-location: there is no such file (it is 'nope.pem')"),
        (
            {"security_protocol": "SSL", "ssl_key_location": __file__},
            "ssl_certificate_location and ssl_key_location go together",
        ),
        (
            {"session_timeout_ms": "5000"},
            "--session-timeout-ms: must be greater than or equal to 6000 (it is '5000')",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else ",".join(value),
)
def test_a_wrong_value_is_told_in_one_line(flags: dict[str, object], message: str) -> None:
    assert refused(flags) == message


def test_a_secret_may_come_as_a_file_and_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    monkeypatch.setenv("DUNNING_SASL_PASSWORD_FILE", str(secret))
    effective = load_settings(
        {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "u"}
    )
    assert effective.settings.sasl_password is not None
    assert effective.settings.sasl_password.get_secret_value() == "hunter2"
    assert effective.origins["sasl_password"] == f"DUNNING_SASL_PASSWORD_FILE={secret}"
    assert "hunter2" not in repr(effective) + str(effective.settings.model_dump())


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("b")
    monkeypatch.setenv("DUNNING_SASL_PASSWORD", "a")
    monkeypatch.setenv("DUNNING_SASL_PASSWORD_FILE", str(secret))
    assert refused() == "DUNNING_SASL_PASSWORD and DUNNING_SASL_PASSWORD_FILE are both set: unset one"


def test_a_secret_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUNNING_SSL_KEY_PASSWORD_FILE", str(tmp_path / "none"))
    assert re.fullmatch(r"DUNNING_SSL_KEY_PASSWORD_FILE: \S+/none cannot be read: No such file.*", refused())


def test_an_empty_secret_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")
    monkeypatch.setenv("DUNNING_SASL_PASSWORD_FILE", str(secret))
    assert refused() == f"DUNNING_SASL_PASSWORD_FILE: {secret} is empty: write the secret into it"


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_CARD_NUMBER_EXEMPT_FIELDS", "invoice_id, charge_id,")
    assert load_settings().settings.card_number_exempt_fields == ("invoice_id", "charge_id")


def test_an_exempt_field_that_no_event_has_is_refused_with_all_that_there_are() -> None:
    said = refused({"card_number_exempt_fields": "key,headers.x-trace,data.charge_id,chrage_id"})
    assert said.startswith(
        "--card-number-exempt-fields: no id field is called chrage_id: did you mean charge_id? there are account_id, "
    )
    assert "invoice_id" in said
    assert "headers.NAME (it is 'key," in said
    for words in ("labels", "data.reason", "headers.", "initiated_by"):
        refused({"card_number_exempt_fields": words})


def test_every_id_of_an_event_may_be_exempt() -> None:
    paths = {"id", "source", "data.invoice_id", "data.instrument.instrument_id", "data.subscription_ids"}
    assert paths <= id_paths()
    assert not id_paths() & {"data", "time", "data.labels", "data.decline.message", "data.initiated_by"}
