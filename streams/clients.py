"""How settings become arguments of the Kafka client. Rule: the only place that knows both spellings."""

import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from typing import Self, TypedDict

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from streams.errors import Misuse, Trouble
from streams.settings import Settings


class Connection(TypedDict, total=False):
    """The keyword arguments that every aiokafka client takes to reach and log in to the brokers."""

    bootstrap_servers: str
    security_protocol: str
    ssl_context: ssl.SSLContext
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


def connection(settings: Settings) -> Connection:
    """Return the arguments that connect any aiokafka client, as `AIOKafkaProducer(**connection(settings))`.

    Raises:
        Misuse: a certificate or key file cannot be read or does not fit.
    """
    arguments = Connection(bootstrap_servers=settings.bootstrap, security_protocol=settings.security_protocol)
    if settings.security_protocol in {"SSL", "SASL_SSL"}:
        arguments["ssl_context"] = ssl_context(settings)
    if settings.sasl_mechanism and settings.sasl_username is not None and settings.sasl_password is not None:
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return arguments


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """Build the TLS context: brokers' names and certificates are always verified.

    Raises:
        Misuse: a certificate or key file cannot be read or does not fit.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_location)
    except OSError as error:  # ssl.SSLError is one
        raise Misuse(
            f"ssl_ca_location: {settings.ssl_ca_location} holds no usable certificates: {error}"
        ) from error
    if settings.ssl_certificate_location is not None:
        secret = settings.ssl_key_password
        # An empty password makes OpenSSL fail where it would otherwise ask on the terminal.
        password = secret.get_secret_value() if secret is not None else ""
        try:
            context.load_cert_chain(settings.ssl_certificate_location, settings.ssl_key_location, password)
        except OSError as error:
            raise Misuse(
                f"ssl_certificate_location: {settings.ssl_certificate_location} with ssl_key_location "
                f"{settings.ssl_key_location} cannot be used: {error}"
            ) from error
    return context


@contextlib.asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client; it is closed at the end of the block.

    Raises:
        Misuse: a certificate or key file cannot be used.
        Trouble: no broker answers, the login failed, or a call inside the block failed.
    """
    admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=15_000)
    with LastError() as last:
        try:
            await admin.start()
            yield admin
        except KafkaConnectionError as error:
            raise Trouble(unreachable(settings, last.cause)) from error
        except KafkaError as error:
            detail = f": {error}" if str(error) != type(error).__name__ else ""
            raise Trouble(f"Kafka at {settings.bootstrap} refused: {type(error).__name__}{detail}") from error
        finally:
            await admin.close()


def unreachable(settings: Settings, cause: str = "") -> str:
    """Say in one line that the brokers cannot be talked to, why, and what to do."""
    why = f": {cause}" if cause else ""
    return (
        f"cannot talk to Kafka at {settings.bootstrap} ({settings.security_protocol}){why}; "
        "check --bootstrap and the security settings (`dunning config`), or run `dunning kafka start`"
    )


class LastError(logging.Handler):
    """Remembers why the client could not connect: it logs that, and raises an error that does not say."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.cause = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that the client put last into its line."""
        if isinstance(record.args, tuple) and record.args:
            told = record.args[-1]
            self.cause = " ".join((str(told) or repr(told)).split())  # that of a TimeoutError is empty

    def __enter__(self) -> Self:
        logging.getLogger("aiokafka").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("aiokafka").removeHandler(self)
