"""Settings become the client's arguments."""

import ssl
from pathlib import Path

import pytest
from pydantic import SecretStr

from streams.clients import connection
from streams.errors import Misuse
from streams.settings import Settings


def test_plain_settings_give_address_and_protocol_only() -> None:
    assert connection(Settings(bootstrap="k:1")) == {
        "bootstrap_servers": "k:1",
        "security_protocol": "PLAINTEXT",
    }


def test_a_login_is_translated() -> None:
    arguments = connection(
        Settings(
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="u",
            sasl_password=SecretStr("p"),
        )
    )
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("u", "p")
    assert "ssl_context" not in arguments


def test_tls_always_verifies_the_broker() -> None:
    context = connection(Settings(security_protocol="SSL"))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_ca_file_that_does_not_fit_is_named(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("no certificate")
    with pytest.raises(Misuse, match=rf"^ssl_ca_location: {ca} holds no usable certificates: "):
        connection(Settings(security_protocol="SSL", ssl_ca_location=ca))


def test_a_certificate_that_does_not_fit_is_named(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_text("none")
    key.write_text("none")
    settings = Settings(security_protocol="SSL", ssl_certificate_location=certificate, ssl_key_location=key)
    with pytest.raises(
        Misuse, match=r"^ssl_certificate_location: \S+c\.pem with ssl_key_location \S+k\.pem cannot"
    ):
        connection(settings)
