"""All settings: one frozen object, read once, checked once, passed down. Rule: an unknown name is an error.

Order: flags, environment (`DUNNING_…`), a TOML file named by `DUNNING_CONFIG`, defaults. A secret may also
come as a file: `DUNNING_SASL_PASSWORD_FILE`. The words of Kafka's security are those of `librdkafka`
(`security.protocol`, `sasl.mechanism`, `ssl.ca.location`), with underscores.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from streams.errors import Misuse, did_you_mean

PREFIX = "DUNNING_"
CONFIG_VARIABLE = "DUNNING_CONFIG"
_OTHER_VARIABLES = frozenset({CONFIG_VARIABLE, "DUNNING_KAFKA_HOME"})  # ours, but no settings of a worker
_FILE_SUFFIX = "_FILE"
_ADDRESS = re.compile(r"\[?[A-Za-z0-9_.:-]+\]?:\d{1,5}")

TopicWord = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=100)]


class SettingsSource(PydanticBaseSettingsSource):
    """Values found in the environment's secret files and in the TOML file, environment first."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Look one field up; (None, name, False) where it is not given."""
        found = _from_files(field_name, field)
        return (found[0] if found else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values that are given."""
        given = {}
        for name, field in self.settings_cls.model_fields.items():
            if found := _from_files(name, field):
                given[name] = found[0]
        return given


class Settings(BaseSettings):
    """The settings of every command. Durations and sizes carry their unit in the name."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    bootstrap: Annotated[str, Field(description="Kafka brokers, host:port, separated by commas")] = (
        "127.0.0.1:9092"
    )
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        Field(description="how to talk to the brokers"),
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None,
        Field(description="how to log in, with SASL_…"),
    ] = None
    sasl_username: Annotated[str | None, Field(description="who logs in")] = None
    sasl_password: Annotated[SecretStr | None, Field(description="the password (better as …_FILE)")] = None
    ssl_ca_location: Annotated[
        Path | None, Field(description="CA certificates (PEM) that sign the brokers'; else the system's")
    ] = None
    ssl_certificate_location: Annotated[Path | None, Field(description="our certificate (PEM)")] = None
    ssl_key_location: Annotated[Path | None, Field(description="the key of our certificate (PEM)")] = None
    ssl_key_password: Annotated[SecretStr | None, Field(description="the password of the key")] = None

    app_id: Annotated[
        TopicWord, Field(min_length=1, description="consumer group and prefix of transactional ids")
    ] = "dunning"
    topic_prefix: Annotated[TopicWord, Field(description="put before every topic's name")] = ""
    partitions: Annotated[
        int, Field(ge=1, le=1000, description="of journal, state and outputs; the unit of scale")
    ] = 8
    replication: Annotated[
        int, Field(ge=1, le=9, description="copies of each topic; 1 only for a single broker")
    ] = 3
    retention_days: Annotated[
        int,
        Field(
            ge=1, le=3650, description="of journal and outputs; longer than a window and the longest outage"
        ),
    ] = 60

    policy_file: Annotated[
        Path | None,
        Field(description="the policies: a YAML file, or `preset:NAME`; the built-in one when left out"),
    ] = None
    card_number_exempt_fields: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="id fields that may hold numbers which look like card numbers, separated by commas"
        ),
    ] = ()

    instance_id: Annotated[
        TopicWord | None,
        Field(min_length=1, description="stable and unique name of this worker (static membership)"),
    ] = None
    session_timeout_ms: Annotated[
        int, Field(ge=6_000, le=300_000, description="a silent worker loses its partitions after this")
    ] = 10_000
    metrics_host: Annotated[
        str, Field(description="where health and metrics are served; loopback unless set")
    ] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535, description="its port; 0: a free one")] = 9464
    log_format: Annotated[
        Literal["auto", "console", "json"], Field(description="auto: console on a terminal, else json")
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="the least important lines that are shown"),
    ] = "info"

    intake_linger_ms: Annotated[
        int,
        Field(
            ge=0, le=1_000, description="how long a page waits for company under load; idle it never waits"
        ),
    ] = 5
    intake_page_events: Annotated[int, Field(ge=1, le=10_000, description="most events in a page")] = 500
    intake_page_bytes: Annotated[
        int, Field(ge=16_384, le=524_288, description="most bytes in a page; Kafka takes about 1 MB")
    ] = 262_144
    engine_batch_bytes: Annotated[
        int, Field(ge=16_384, le=67_108_864, description="most bytes of pages in one transaction")
    ] = 4_194_304
    engine_batch_ms: Annotated[
        int,
        Field(
            ge=1, le=10_000, description="most time that pages are gathered and decided in one transaction"
        ),
    ] = 200

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (given by name; we read no .env files)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (ours are named by …_FILE)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, environment, files."""
        return init_settings, env_settings, SettingsSource(settings_cls)

    @field_validator("bootstrap")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            if not _ADDRESS.fullmatch(address.strip()):
                raise ValueError("brokers are written host:port, separated by commas")
        return value

    @field_validator("ssl_ca_location", "ssl_certificate_location", "ssl_key_location")
    @classmethod
    def _is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("there is no such file")
        return value

    @field_validator("card_number_exempt_fields", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("card_number_exempt_fields")
    @classmethod
    def _are_id_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            from streams.exempt_fields import refuse_unknown  # takes the types of all events; seldom given

            refuse_unknown(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.security_protocol.startswith("SASL"):
            for name in ("sasl_mechanism", "sasl_username", "sasl_password"):
                if getattr(self, name) is None:
                    raise ValueError(f"security_protocol {self.security_protocol} needs {name}")
        elif self.sasl_username is not None:
            raise ValueError(f"sasl_username is given, but security_protocol is {self.security_protocol}")
        if (self.ssl_certificate_location is None) != (self.ssl_key_location is None):
            raise ValueError("ssl_certificate_location and ssl_key_location go together")
        if "SSL" not in self.security_protocol.removeprefix("SASL_") and self.ssl_ca_location is not None:
            raise ValueError(f"ssl_ca_location is given, but security_protocol is {self.security_protocol}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """Settings and, for each, where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(flags: Mapping[str, object] | None = None) -> Effective:
    """Read the settings from flags, environment, file and defaults.

    Args:
        flags: field name to value, as given on the command line; None counts as not given.

    Raises:
        Misuse: an unknown `DUNNING_` variable, an unknown key in the file, or a value that is not allowed.
            Secrets are never shown.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    refuse_unknown_variables()
    _refuse_unknown_keys()
    origins = {name: _origin(name, field, given) for name, field in Settings.model_fields.items()}
    try:
        settings = Settings(**cast("dict[str, Any]", given))
    except ValidationError as error:
        raise Misuse(_one_line(error, origins, given)) from error
    return Effective(settings=settings, origins=origins)


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def refuse_unknown_variables() -> None:
    """Refuse a `DUNNING_` variable that nothing reads.

    Raises:
        Misuse: there is one; with the name that was probably meant.
    """
    known = set(_OTHER_VARIABLES)
    for name, field in Settings.model_fields.items():
        known.add(PREFIX + name.upper())
        if _is_secret(field):
            known.add(PREFIX + name.upper() + _FILE_SUFFIX)
    for variable in sorted(os.environ):
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            raise Misuse(f"unknown environment variable {variable}{_meant(variable.upper(), known)}")


def _refuse_unknown_keys() -> None:
    for key in _file_values():
        if key not in Settings.model_fields:
            meant = _meant(key, Settings.model_fields)
            raise Misuse(f"unknown setting {key!r} in {os.environ[CONFIG_VARIABLE]}{meant}")


def _meant(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known) or ": `dunning config` lists all settings"


def _variable(name: str) -> str | None:
    """Return the spelling under which a setting's variable is set; any letter case counts."""
    wanted = PREFIX + name.upper()
    return next((variable for variable in os.environ if variable.upper() == wanted), None)


def _from_files(name: str, field: FieldInfo) -> tuple[object, str] | None:
    """Return a value that comes as a file, with its origin."""
    if _is_secret(field) and (variable := _variable(name + _FILE_SUFFIX)) is not None:
        path = os.environ[variable]
        try:
            secret = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise Misuse(f"{variable}: {path} cannot be read: {reason}") from error
        if not secret:
            raise Misuse(f"{variable}: {path} is empty: write the secret into it")
        return secret, f"{variable}={path}"
    values = _file_values()
    return (values[name], f"file {os.environ[CONFIG_VARIABLE]}") if name in values else None


def _file_values() -> dict[str, Any]:
    path = os.environ.get(CONFIG_VARIABLE)
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise Misuse(f"{CONFIG_VARIABLE}: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # bad TOML, or no UTF-8
        raise Misuse(f"{CONFIG_VARIABLE}: {path} is no TOML: {error}") from error


def _origin(name: str, field: FieldInfo, flags: Mapping[str, object]) -> str:
    if name in flags:
        return "--" + name.replace("_", "-")
    variable = _variable(name)
    found = _from_files(name, field)
    if variable is not None:
        if found is not None and found[1].startswith(PREFIX):
            raise Misuse(f"{variable} and {variable}{_FILE_SUFFIX} are both set: unset one")
        return variable
    return found[1] if found is not None else "default"


def _one_line(error: ValidationError, origins: Mapping[str, str], flags: Mapping[str, object]) -> str:
    first = error.errors(include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if not first["loc"]:
        return message
    name = str(first["loc"][0])
    origin = origins.get(name, name)
    value = flags.get(name, os.environ.get(origin))
    field = Settings.model_fields.get(name)
    shown = f" (it is {value!r})" if value is not None and not (field and _is_secret(field)) else ""
    where = f"{name} in {origin}" if origin.startswith("file ") else origin
    return f"{where}: {message[0].lower()}{message[1:]}{shown}"
