"""TLS and login against a real broker that demands them: our words for them are understood."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.broker.jars import find_jars
from streams.broker.java import find_java
from streams.broker.process import BrokerFiles, choose_ports, prepare, start_command, wait_until_ready
from streams.errors import Trouble
from streams.settings import Settings, load_settings
from streams.topics import check_topics, create_topics

OPENSSL = shutil.which("openssl")
JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="ann" password="secret" user_ann="secret";'
)

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="makes its certificates with openssl")


@dataclass(frozen=True)
class Secured:
    """A broker with a listener that takes SASL_SSL only, from clients with a certificate."""

    port: int
    ca: Path
    certificate: Path
    key: Path

    def flags(self, **changed: object) -> dict[str, object]:
        return {
            "bootstrap": f"127.0.0.1:{self.port}",
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "PLAIN",
            "sasl_username": "ann",
            "ssl_ca_location": str(self.ca),
            "ssl_certificate_location": str(self.certificate),
            "ssl_key_location": str(self.key),
            "partitions": 1,
            "replication": 1,
        } | changed


def openssl(*arguments: str | Path) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *arguments], check=True, capture_output=True)


def certificates(folder: Path) -> tuple[Path, Path]:
    """One self-signed certificate for 127.0.0.1, which is its own CA, serves both sides."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
    )  # fmt: skip
    return certificate, key


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    certificate, key = certificates(folder)
    both = folder / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    files, java, jars = BrokerFiles(folder=folder), find_java(), find_jars()
    ports, secure = choose_ports(None), choose_ports(None).broker
    cluster_id = prepare(files, ports, java, jars)
    text = files.properties.read_text()
    text = text.replace("listeners=", f"listeners=SECURE://127.0.0.1:{secure},", 1)
    text = text.replace("protocol.map=", "protocol.map=SECURE:SASL_SSL,")
    more = {
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.secure.plain.sasl.jaas.config": JAAS,
        "listener.name.secure.ssl.keystore.type": "PEM",
        "listener.name.secure.ssl.keystore.location": str(both),
        "listener.name.secure.ssl.truststore.type": "PEM",
        "listener.name.secure.ssl.truststore.location": str(certificate),
        "listener.name.secure.ssl.client.auth": "required",
    }
    files.properties.write_text(text + "".join(f"{name}={value}\n" for name, value in more.items()))
    with files.log.open("wb") as output:
        broker = subprocess.Popen(
            start_command(files, java, jars), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_until_ready(files, ports.broker, cluster_id, lambda: broker.poll() is None)
        yield Secured(port=secure, ca=certificate, certificate=certificate, key=key)
    finally:
        broker.terminate()
        broker.wait(30)


def test_tls_with_a_certificate_and_a_login(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_SASL_PASSWORD", "secret")
    settings = load_settings(secured.flags()).settings
    assert asyncio.run(create_topics(settings)) != ()
    assert asyncio.run(check_topics(settings)) == ()


def test_a_wrong_password_is_told(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_SASL_PASSWORD", "guessed")
    settings = load_settings(secured.flags()).settings
    with pytest.raises(Trouble) as caught:
        asyncio.run(check_topics(settings))
    assert "Invalid username or password" in str(caught.value)
    assert_one_line_without(caught.value, "guessed")


def test_an_unknown_ca_is_told(secured: Secured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUNNING_SASL_PASSWORD", "secret")
    another, _ = certificates(tmp_path)
    settings = load_settings(secured.flags(ssl_ca_location=str(another))).settings
    with pytest.raises(Trouble) as caught:
        asyncio.run(check_topics(settings))
    assert "certificate verify failed" in str(caught.value)
    assert_one_line_without(caught.value, "secret")


# aiokafka leaves a transport that the broker has closed to the collector, which may come by before this test ends.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored .*_SelectorTransport:pytest.PytestUnraisableExceptionWarning"
)
def test_plain_talk_to_a_secured_port_is_told(secured: Secured) -> None:
    with pytest.raises(Trouble) as caught:
        asyncio.run(check_topics(Settings(bootstrap=f"127.0.0.1:{secured.port}")))
    assert "(PLAINTEXT)" in str(caught.value)
    assert_one_line_without(caught.value, "secret")


def assert_one_line_without(trouble: Trouble, secret: str) -> None:
    message = str(trouble)
    assert "\n" not in message
    assert secret not in message
    assert "127.0.0.1" in message
