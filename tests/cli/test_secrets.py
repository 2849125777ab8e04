"""No password or token is printed, logged, or left where `ps` shows it."""

from __future__ import annotations

import pytest

from eventlog.dsn import redact, secrets_in, split_dsn, without_secret
from eventlog.errors import DatabaseUnavailableError
from tests.support_serving import run

HUSH = "hush-4711"
ADDRESSES = (
    f"postgresql://ann:{HUSH}@127.0.0.1:1/x",
    f"postgresql://ann:{HUSH}%zz@127.0.0.1:1/x",
    f"postgresql://ann:a/{HUSH}@127.0.0.1:1/x",
    f"postgresql://ann:a@{HUSH}@127.0.0.1:1/x",
    f"postgresql://ann:a#{HUSH}@127.0.0.1:1/x",
    f"postgresql://ann:a:{HUSH}@127.0.0.1:1/x",
    f"postgresql://ann:{HUSH}@[1/x",
    f"postgresql://ann@127.0.0.1:1/x?password={HUSH}",
    f"postgresql://127.0.0.1:1/x?PASSWORD={HUSH}&connect_timeout=zz",
    f"postgresql://127.0.0.1:1/x?sslpassword={HUSH}&no-such=parameter",
    f"mysql://ann:{HUSH}@127.0.0.1/x",
    f"host=127.0.0.1 port=1 password={HUSH}",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_password_is_never_printed(tmp_path, address):
    """Whatever is wrong with an address or its server, no message and no traceback has the password in it."""
    (tmp_path / "address").write_text(address)
    (tmp_path / "address").chmod(0o600)
    said = [
        run(tmp_path, "doctor", DECISIONLOG_STORE=address),
        run(tmp_path, "migrate", "--to", f"@{tmp_path / 'address'}"),
    ]
    if "://" in address:
        said.append(run(tmp_path, "status", DECISIONLOG_REPLICA=address))

    for done in said:
        assert done.returncode != 0
        assert "Traceback" not in done.stderr, done.stderr
        assert HUSH not in done.stdout + done.stderr


def test_an_address_is_shown_without_its_passwords():
    """User, host and database are shown, also where there is no password."""
    assert (
        without_secret("postgresql://ann:a%40b@h:5/db?schema=s&password=x")
        == "postgresql://ann:***@h:5/db?schema=s&password=***"
    )
    assert without_secret("postgresql://ann@h/db") == "postgresql://ann@h/db"
    assert without_secret("postgresql://h/db") == "postgresql://h/db"
    assert secrets_in("postgresql://ann:a%40b@h/db?password=x+y") == {"a%40b", "a@b", "x+y", "x y"}


def test_a_message_of_a_library_is_shown_without_the_password():
    """A quoted password is struck out; where it was not quoted, the whole message is withheld."""
    assert redact("no host ann:pa%24s", "postgresql://ann:pa%24s@h/db") == "no host ann:***"
    assert "4711" not in redact("bad port '4711'", "postgresql://ann:pass/4711@h/db")
    with pytest.raises(DatabaseUnavailableError, match=r"ann:\*\*\*@"):
        split_dsn("postgresql://ann:pass@[h/db")


@pytest.mark.parametrize("words", [("migrate", "--to"), ("status", "--replica")])
def test_a_password_on_the_command_line_is_warned_of(tmp_path, words):
    """The command says that others can see it, and how it is written instead; from a file there is no such warning."""
    address = f"postgresql://ann:{HUSH}@127.0.0.1:1/x"
    file = tmp_path / "address"
    file.write_text(f"{address}\n")
    file.chmod(0o600)

    warned, quiet = run(tmp_path, *words, address), run(tmp_path, *words, f"@{file}")

    assert "Use @FILE instead" in warned.stderr
    assert "Warning" not in quiet.stderr
    assert HUSH not in warned.stderr + quiet.stderr
    file.chmod(0o644)
    assert "chmod 600" in run(tmp_path, *words, f"@{file}").stderr
