"""Writing to the side tables: names of people, tokens, local owners, and what is written together with entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eventlog.records import Append, EntryRow, NameRow, TokenRow
from eventlog.sql import Session, insert_idempotency_records, insert_names
from eventlog.text_erasure import erase_registration_salt, erase_request_salts, erase_texts


@dataclass(frozen=True, slots=True)
class SideTables:
    """Names, tokens and local owners in the writer's transaction, which no other writer can interleave with."""

    session: Session

    def find_owner(self, normalized: str, other_than: str) -> str | None:
        """Return another person who has a normalized name."""
        row = self.session.execute(
            "SELECT person FROM names WHERE normalized = ? AND person <> ? ORDER BY person LIMIT 1",
            (normalized, other_than),
        ).fetchone()
        return str(row[0]) if row else None

    def has_name(self, person: str) -> bool:
        """Whether a person has a name."""
        return self.session.execute("SELECT 1 FROM names WHERE person = ? LIMIT 1", (person,)).fetchone() is not None

    def insert_names(self, names: Iterable[NameRow]) -> None:
        """Insert names; existing ones stay as they are."""
        insert_names(self.session, names)

    def hide_display_name(self, person: str) -> None:
        """Turn the display name of a person into a former name."""
        self.session.execute("UPDATE names SET shown = -1 WHERE person = ? AND shown = 1", (person,))

    def delete_names(self, person: str, name: str | None = None) -> int:
        """Delete one name of a person, or all; return how many were deleted.

        The salt of the request that registered the person is erased too, or the name could be guessed from its digest.
        """
        erase_registration_salt(self.session, person)
        condition, values = (" AND name = ?", (name,)) if name is not None else ("", ())
        return self.session.execute(f"DELETE FROM names WHERE person = ?{condition}", (person, *values)).rowcount

    def delete_normalized(self, person: str, normalized: str) -> None:
        """Delete every spelling of a normalized name of a person."""
        rows = self.session.execute(
            "SELECT name FROM names WHERE person = ? AND normalized = ?", (person, normalized)
        ).fetchall()
        for (name,) in rows:
            self.delete_names(person, name)

    def insert_owner(self, name: str, person: str) -> None:
        """Remember the person behind a local owner's name; an existing one stays."""
        self.session.execute("INSERT INTO owners VALUES (?, ?) ON CONFLICT DO NOTHING", (name, person))

    def put_token(self, token: TokenRow) -> None:
        """Insert a token."""
        self.session.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", token)

    def revoke_token(self, token: str, at: int) -> bool:
        """Revoke a token and return whether it exists; revoking it twice changes nothing."""
        statement = "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?"
        return self.session.execute(statement, (at, token)).rowcount > 0

    def end_sessions_of(self, person: str) -> None:
        """End every session of a person."""
        self.session.execute("DELETE FROM sessions WHERE person = ?", (person,))


def write_side_tables(session: Session, written: Sequence[tuple[Append, Sequence[EntryRow]]]) -> None:
    """Write what goes with the entries of appends: idempotency records, names, erasures, tokens."""
    insert_idempotency_records(
        session,
        [(append.idempotency, rows[0].position, len(rows)) for append, rows in written if append.idempotency],
    )
    insert_names(session, [name for append, _ in written for name in append.names])
    for append, _ in written:
        if append.erased_positions:
            erase_texts(session, append.erased_positions)
            erase_request_salts(session, append.erased_positions)
    side_tables = SideTables(session)
    for append, rows in written:
        if append.alongside:
            append.alongside(side_tables)
        for token in append.revoked:
            side_tables.revoke_token(token, rows[0].recorded_at)
        for person in append.signed_out:
            side_tables.end_sessions_of(person)
