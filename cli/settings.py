"""The settings, each an environment variable `DECISIONLOG_NAME`."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from cli.location import DEFAULT_DATA, PREFIX, STORE_PATTERN, URL_PATTERN, Location
from identity.oidc.groups import parse_group_table


def system_user() -> str:
    """Return the name of the operating system's user, or `owner` if there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return "owner"


class Settings(BaseModel):
    """All settings. Command-line options override environment variables, which override the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(DEFAULT_DATA, description="Data directory: the log and its read model.")
    store: str = Field(
        "",
        pattern=STORE_PATTERN,
        description="Address of a PostgreSQL database that holds the log and its read model: `postgresql://...`. The "
        "schema is `decisionlog` unless `?schema=` names another. If empty, they are in SQLite files in the data "
        "directory.",
    )
    host: str = Field(
        "127.0.0.1", description="Address to listen on. Any other than 127.0.0.1 can let other machines connect."
    )
    port: int = Field(
        8737,
        ge=0,
        le=65535,
        description="Port to listen on; 0 picks a free one. If it is not set and 8737 is in use, the next free one is taken.",
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#@\s]+/?)?$",
        description="Public URL of a server behind a proxy or a domain name, such as `https://log.example.org`. "
        "Links and examples use it. A request with a `Host` that is neither this host, nor this machine, nor the "
        "address it was sent to, is refused with 421. If empty, links use the address of the request, and a server "
        "on 127.0.0.1 accepts only names of this machine in `Host`, such as `localhost`.",
    )
    cors_origins: str = Field(
        "",
        pattern=r"^(\*|https?://[^/?#@\s,]+(,\s*https?://[^/?#@\s,]+)*)?$",
        description="Origins whose web pages may call the API from a browser, separated by commas, such as "
        "`https://dashboard.example.org`; `*` allows all. Default: none.",
    )
    owner: str = Field(
        default_factory=system_user,
        min_length=1,
        max_length=500,
        description="Owner of the log: the first token is theirs, and commands on this machine act as them. Defaults "
        "to the operating system's user.",
    )
    zone: str = Field(
        "UTC",
        description="Time zone of the pages for browsers that run no scripts, such as `Europe/Berlin`. All others show "
        "times in the reader's own zone.",
    )
    projection: Literal["embedded", "external"] = Field(
        "embedded",
        description="Where the projector of a server runs: in the server (`embedded`), or in `decisionlog project`, "
        "a process of its own (`external`).",
    )
    question_seconds: float = Field(
        10,
        gt=0,
        description="Timeout of one query in seconds. The server answers 503 when it is reached.",
    )
    questions_at_once: int = Field(
        3,
        ge=1,
        le=64,
        description="Maximum number of expensive queries, such as roadmaps and reports, that a server runs at once. "
        "One caller can use all but one of them. Further queries wait up to 10 seconds, then get 503.",
    )
    default_role: Literal["none", "viewer", "contributor", "manager"] = Field(
        "none",
        description="Role, for all products, of people and services to whom no role was granted. `none`: they can only ask "
        "who they are.",
    )
    reading: Literal["all", "own"] = Field(
        "all",
        description="What a role lets people read: `all` products, or with `own` only those for which they hold a role.",
    )
    token: SecretStr | None = Field(
        None,
        description="API token used by commands, on a server or on the log's files. Commands act as its holder, with "
        "its scopes; an unknown or revoked token is refused. Without a token, commands that can write the files act "
        "as the owner, with every scope. Commands that only read the files need no token and ignore it.",
    )
    session_hours: float = Field(
        168, gt=0, le=8760, description="Hours after which a person who signed in with a browser has to sign in again."
    )
    session_idle_hours: float = Field(
        24, gt=0, le=8760, description="Hours without a request after which a browser has to sign in again."
    )
    anonymous: Literal["none", "viewer"] = Field(
        "none",
        description="Who can read without signing in: no one (`none`), or every caller who can reach the server (`viewer`). "
        "The role is granted to `service:anonymous` when the server starts. Recording needs a token or a session.",
    )
    requests_per_minute: int = Field(
        300_000,
        ge=0,
        description="Requests that one token may send a minute, evenly or all at once; a person with several tokens and "
        "sessions may send twice as many. More get 429 with `Retry-After`. Each process counts for itself; 0: no limit.",
    )
    commands_per_minute: int = Field(
        600_000, ge=0, description="Commands that one token may send in a minute, counted in the same way."
    )
    questions_per_token: int = Field(
        64,
        ge=0,
        description="Queries of one token that may run or wait at a time; of a person twice as many. More get 429.",
    )
    oidc_issuer: str = Field(
        "",
        pattern=r"^(https://[^?#\s]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^?#\s]*)?)?$",
        description="Issuer of an OpenID provider, exactly as the provider spells it, such as "
        "`https://login.example.org/realms/main`. If set, people can sign in with it; register the redirect address "
        "`PUBLIC_URL/sign-in/callback` and the back-channel logout address `PUBLIC_URL/sign-in/backchannel-logout` "
        "there. Needs the extra `oidc`.",
    )
    oidc_client_id: str = Field("", max_length=500, description="Client id of this log at the provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Client secret at the provider; empty for a public client. PKCE is used in any case."
    )
    oidc_name: str = Field(
        "your organization", min_length=1, max_length=100, description="Name of the provider on the sign-in page."
    )
    oidc_scopes: str = Field(
        "openid profile email", pattern=r"^openid( \S+)*$", description="Scopes to request, separated by spaces."
    )
    oidc_new_people: Literal["refuse", "register"] = Field(
        "refuse",
        description="What happens at the sign-in of an account that belongs to no person of the log: `refuse`, until the "
        "person signs in with a link and connects it, or `register` a new person.",
    )
    oidc_audience: str = Field(
        "",
        max_length=500,
        description="Audience (`aud`) of the provider's access tokens for the API (RFC 9068); not the client id. If "
        "empty, the API accepts no tokens of the provider.",
    )
    oidc_token_type: str = Field(
        "at+jwt",
        pattern=r"^[A-Za-z+]+( [A-Za-z+]+)*$",
        description="Header `typ` of these access tokens. Keycloak needs `JWT`; ID tokens are refused in any case.",
    )
    oidc_groups_claim: str = Field(
        "",
        max_length=500,
        description="Claim with the groups of a person: a name, or a path such as `realm_access.roles`. Write a dot "
        "within a name as `\\.`. The claim is an array of names, or names separated by spaces.",
    )
    oidc_groups: str = Field(
        "",
        description="Groups of the log to which the provider's names map, as `NAME=KEY` separated by commas, such as "
        "`/product=product-managers`. `decisionlog role grant group:KEY ROLE` grants their roles. Other names are "
        "ignored. If empty, a name that is a valid key is the key of its group.",
    )
    oidc_session_hours: float = Field(
        8,
        gt=0,
        le=8760,
        description="Hours after which a person who signed in with the provider has to sign in again. Changes of their "
        "groups take effect then.",
    )
    access_journal_days: float = Field(
        365,
        gt=0,
        le=36500,
        description="Days for which rows of the access journal are kept: sign-ins, refusals, exports and audits.",
    )
    replica: str = Field(
        "",
        description="Location of a replica: a file, or `postgresql://...`, in the schema `decisionlog` unless "
        "`?schema=` names another. `decisionlog replica` keeps it up to date. If set, `decisionlog serve` serves it, "
        "read-only.",
    )
    upstream: str = Field(
        "",
        pattern=URL_PATTERN,
        description="URL of the log's server, for a replica. The replica fetches missing entries from it, with the "
        "token in `DECISIONLOG_TOKEN`, and checks callers' tokens with it.",
    )
    replica_token: SecretStr | None = Field(
        None,
        min_length=20,
        description="Secret that allows reading from a served replica, even while the log's server cannot be reached.",
    )
    kafka_bootstrap_servers: str = Field(
        "localhost:9092",
        min_length=1,
        description="Kafka brokers: `host:port`, separated by commas.",
    )
    kafka_prefix: str = Field(
        "decisionlog",
        pattern=r"^[a-zA-Z0-9._-]{1,200}$",
        description="Prefix of the topic names: `PREFIX.events`, `.commands`, `.results`, `.rejected`, `.people`. "
        "Each log needs its own.",
    )
    kafka_retention_days: float = Field(
        7,
        gt=0,
        description="Retention of topics that are created, in days. Text erased in the log stays in the topics for "
        "this long. Existing topics keep their retention.",
    )
    kafka_replication_factor: int = Field(
        -1,
        ge=-1,
        description="Replication factor of topics that are created. With 3 or more, all brokers but one must have a "
        "message before it counts as sent. -1 uses the brokers' default.",
    )
    kafka_people: bool = Field(
        False,
        description="Publish the names of people to a topic, and from it to replicas. If false, replicas show ids, "
        "and delete names they have.",
    )
    kafka_service: str = Field(
        "service:consumer",
        pattern=r"^service:[a-z0-9][a-z0-9._~-]{0,99}$",
        description="Service account recorded for commands from Kafka when `decisionlog consume` writes the log "
        "itself. Restrict access to the topic with broker ACLs.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Security protocol of the Kafka connection."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="SASL mechanism."
    )
    kafka_sasl_username: str | None = Field(None, description="SASL username.")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ssl_cafile: Path | None = Field(
        None, description="File with CA certificates for the brokers. Defaults to the system's."
    )
    kafka_ssl_certfile: Path | None = Field(
        None, description="File with the client certificate, if brokers require one."
    )
    kafka_ssl_keyfile: Path | None = Field(None, description="File with the private key of the client certificate.")
    kafka_ssl_password: SecretStr | None = Field(None, description="Password of that private key.")

    url: str = Field(
        "",
        pattern=URL_PATTERN,
        description="URL of a server, such as `https://log.example.org`, for commands that query and record. If "
        "empty, they use the log in the data directory, through its server if one is running.",
    )
    token_file: Path | None = Field(
        None,
        description="File that contains the token, with mode 600; used if `DECISIONLOG_TOKEN` is not set. If neither "
        "is set and the Python package `keyring` is installed, the token for `DECISIONLOG_URL` is read from the "
        "keyring. Store it there with `keyring set decisionlog URL`.",
    )

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # a folder of the time zone database is an OSError
            raise ValueError("must be a time zone such as `Europe/Berlin` or `UTC`") from None
        return name

    @model_validator(mode="before")
    @classmethod
    def _read_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        names = ((name, f"{PREFIX}{name.upper()}") for name in cls.model_fields)
        return {**{name: os.environ[variable] for name, variable in names if variable in os.environ}, **given}

    @model_validator(mode="after")
    def _check_provider(self) -> Self:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("set DECISIONLOG_OIDC_CLIENT_ID to the client id of this log at the provider")
        if self.oidc_audience and self.oidc_audience == self.oidc_client_id:
            raise ValueError("DECISIONLOG_OIDC_AUDIENCE must differ from the client id, or ID tokens would be accepted")
        parse_group_table(self.oidc_groups)
        return self

    @property
    def location(self) -> Location:
        """Where the log is, for a client of it."""
        token = self.token.get_secret_value() if self.token else None
        return Location(self.data, self.store, self.url, token, self.token_file, lambda: self)

    @property
    def server_url(self) -> str:
        """The URL at which a browser finds the server of this log; no `/` at the end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104  (compared, not bound)
        return self.public_url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def log(self) -> Path | str:
        """The log's file, or the address of its database."""
        return self.store or self.log_file

    @property
    def log_file(self) -> Path:
        """The log's file: the one to back up."""
        return self.data / "log.sqlite3"

    @property
    def model_file(self) -> Path:
        """The read model's file: it can be rebuilt from the log."""
        return self.data / "views.sqlite3"
