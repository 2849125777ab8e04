"""What can be set from outside, each as an environment variable `DECISIONLOG_NAME`."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

PREFIX: Final = "DECISIONLOG_"


def system_user() -> str:
    """The name of whoever runs this, as the operating system knows them; `owner` where it knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "owner"


class Settings(BaseModel):
    """Every setting. An option of the command line wins over the environment, and that over the default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(Path("data"), description="The directory of the log and its read model.")
    store: str = Field(
        "",
        pattern="^(postgres(ql)?://.*)?$",
        description="Where log and read model are: the address of a PostgreSQL database, `postgresql://...`, in its schema "
        "`decisionlog` unless `?schema=` names another. Empty: in SQLite files in the directory of the data.",
    )  # fmt: skip
    host: str = Field("127.0.0.1", description="The address to serve on; anything else lets other machines in.")
    port: int = Field(8737, ge=0, le=65535, description="The port to serve on; 0 takes a free one.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#@\s]+/?)?$",
        description="The address at which others reach the server, such as `https://log.example.org`, where that is behind a "
        "proxy or under a name: links and examples lead there. A request whose `Host` names neither that, nor this machine, "
        "nor the address it came to is refused with 421. Empty: links lead to the address that a request came to; a server "
        "on 127.0.0.1 takes only names of this machine, such as `localhost`, in `Host`.",
    )
    owner: str = Field(
        default_factory=system_user, min_length=1, max_length=500,
        description="Whose log it is: who gets the first token and whose act it is when a command line writes. "
        "The operating system's user, unless set.",
    )  # fmt: skip
    project: Literal["within", "beside"] = Field(
        "within",
        description="Who keeps the read models of a server: the server itself (`within`), or `decisionlog project` in a "
        "process of its own (`beside`).",
    )
    question_seconds: float = Field(
        10,
        gt=0,
        description="How many seconds a server works on one question before it ends it with a 503.",
    )
    questions_at_once: int = Field(
        3,
        ge=1,
        le=64,
        description="How many expensive questions, such as roadmaps and reports, a server answers at once. One caller has "
        "all of these places but one; further questions wait up to 10 seconds for a place and are then refused with a 503.",
    )
    token: SecretStr | None = Field(
        None,
        description="The token with which a command speaks: to the server that has the log, and where nobody serves to "
        "the files. What it writes is its holder's act, within the token's rights; one that is unknown or revoked is "
        "refused. Without one, whoever may write the files speaks as the log's owner, with every right. Commands that "
        "only read the files need none and do not look at it.",
    )
    replica: str = Field(
        "",
        description="Where a replica is: a file, or `postgresql://...`, in its schema `decisionlog` unless `?schema=` names "
        "another. `decisionlog replica` keeps it, and with this set `decisionlog serve` serves it, for reading only.",
    )
    upstream: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="The address of the log's own server, for a replica: there it has what the topic does not bring, with "
        "the token of `DECISIONLOG_TOKEN`, and asks whose a caller's token is.",
    )
    replica_token: SecretStr | None = Field(
        None,
        min_length=20,
        description="A secret with which anybody may read from the replica that is served, also where it can't ask the log.",
    )
    kafka_bootstrap_servers: str = Field(
        "localhost:9092",
        min_length=1,
        description="Where the brokers of Kafka are: `host:port`, several with commas between.",
    )
    kafka_prefix: str = Field(
        "decisionlog",
        pattern=r"^[a-zA-Z0-9._-]{1,200}$",
        description="What the names of the topics begin with: `PREFIX.events`, `.commands`, `.results`, `.rejected`, "
        "`.people`. Another log takes another.",
    )
    kafka_retention_days: float = Field(
        7,
        gt=0,
        description="How long topics that are made keep messages. What is forgotten in the log is gone from them so much "
        "later. A topic that is there already keeps what it is set to.",
    )
    kafka_replication_factor: int = Field(
        -1,
        ge=-1,
        description="How many brokers hold each topic that is made; with 3 or more, all but one of them must have a message "
        "before it counts as sent. -1 leaves it to the brokers.",
    )
    kafka_people: bool = Field(
        False,
        description="Whether the names of people go to the topic of people, and from it to replicas. Without, replicas show "
        "ids, and drop the names they had.",
    )
    kafka_service: str = Field(
        "service:intake",
        pattern=r"^service:[a-z0-9][a-z0-9._~-]{0,99}$",
        description="Whose act a command is that comes in by `decisionlog intake`, where it writes the log itself. Who may "
        "put one on the topic is the broker's to judge.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How the brokers are spoken to."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="How we are known to the brokers, with a name and a password."
    )
    kafka_sasl_username: str | None = Field(None, description="That name.")
    kafka_sasl_password: SecretStr | None = Field(None, description="That password.")
    kafka_ssl_cafile: Path | None = Field(
        None, description="The certificates by which the brokers are known; the system's, unless set."
    )
    kafka_ssl_certfile: Path | None = Field(None, description="Our certificate, where brokers ask for one.")
    kafka_ssl_keyfile: Path | None = Field(None, description="The key of our certificate.")
    kafka_ssl_password: SecretStr | None = Field(None, description="The password of that key.")

    url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="The address of a server elsewhere, such as `https://log.example.org`, for the commands that ask and "
        "record. Empty: they speak to the log in the directory of the data, through its server where there is one.",
    )
    token_file: Path | None = Field(
        None,
        description="A file with the token in it, of mode 600, for those who do not want it in the environment. It is read "
        "where no token is set. With neither, one for `DECISIONLOG_URL` is looked for in the keyring, if Python's package "
        "`keyring` is installed: `keyring set decisionlog URL` puts it there.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_the_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        names = ((name, f"{PREFIX}{name.upper()}") for name in cls.model_fields)
        return {**{name: os.environ[variable] for name, variable in names if variable in os.environ}, **given}

    @property
    def log(self) -> Path | str:
        """Where the log is: its file, or the address of its database."""
        return self.store or self.log_file

    @property
    def log_file(self) -> Path:
        """Where the log is: the one file to keep."""
        return self.data / "log.sqlite3"

    @property
    def model_file(self) -> Path:
        """Where the read model is: it can be thrown away."""
        return self.data / "views.sqlite3"
