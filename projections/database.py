"""What a database must offer to hold a read model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from projections.bounds import UNBOUNDED, Bounds

Row = tuple[Any, ...]
Rows = Callable[[str, Mapping[str, Any]], Iterable[Row]]
"""The rows of a statement in the language of `projections.schema`, with its parameters."""

Place = tuple[int, int]
"""Where a row of a cell stands among the others: its effective instant and its id."""

Span = tuple[str, str, Place, Place]
"""A part of one cell's history: subject, field, the first row and the last."""

Following = tuple[int | None, int | None]
"""The effective instant and the id of the row that takes over from another; None twice where none does."""

Near = tuple[int, int, int, int | None, int | None]
"""A row in or beside a span: the number of the span, its effective instant, its id, and what follows it."""


MISSING: Final = "there is none yet"
"""The trouble that is none: a model that was never begun."""


PROJECTOR: Final = "projector"
"""What is claimed by the one that writes the model."""

REBUILD: Final = "rebuild"
"""What is claimed by the one that builds another beside it."""


class Writer(Protocol):
    """A connection that changes the tables. `p` is the prefix of their names: `""`, or that of a set being built."""

    def claim(self, what: str) -> bool:
        """Takes the right to do something, unless another has it; kept until this is closed, or its process dies."""
        ...

    def transaction(self, p: str = "") -> AbstractContextManager[None]:
        """All or nothing; waits until nobody else writes these tables, so that what it reads stays so."""
        ...

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Runs one statement in the language of `projections.schema`; its rows, if it has any."""
        ...

    def insert(self, p: str, table: str, rows: Sequence[Row]) -> None:
        """Adds rows, each with the columns of `schema.TABLES`."""
        ...

    def neighbors(self, p: str, spans: Sequence[Span]) -> Iterable[Near]:
        """The rows that count in some spans, the one before each and the one after."""
        ...

    def update_validity(self, p: str, rows: Sequence[Row]) -> None:
        """Gives rows of cells (subject, field, eff, id) their `et`, `et_id` and `void`."""
        ...

    def merge_words(self, p: str) -> None:
        """Takes words out of the index of which no text is left."""
        ...

    def create(self, p: str) -> None:
        """Makes the tables, empty, at position 0, without most of their indexes."""
        ...

    def index(self, p: str) -> Iterable[None]:
        """Makes the other indexes of tables that this made, one after the other."""
        ...

    def drop(self, p: str) -> None:
        """Drops the tables, if they are there."""
        ...

    def swap(self, p: str) -> None:
        """Puts the tables of this prefix in the place of those without one; readers see either, and nothing between."""
        ...

    def close(self) -> None:
        """Ends it, and gives back what it claimed."""
        ...


class Database(Protocol):
    """A place for one read model."""

    @property
    def transient_errors(self) -> tuple[type[Exception], ...]:
        """The errors that may be over when one tries again."""
        ...

    def check(self) -> str | None:
        """Why what is there cannot even be read, or None."""
        ...

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error says that what is stored is damaged."""
        ...

    def find_damage(self) -> list[str]:
        """What is wrong with the database itself, whatever its rows say: its pages, its indexes, its schema."""
        ...

    def has(self, table: str) -> bool:
        """Whether there is a table, of the model or beside it."""
        ...

    def renew(self) -> None:
        """Throws away what is there, and makes empty tables."""
        ...

    def reading(self, bounds: Bounds = UNBOUNDED) -> AbstractContextManager[Rows]:
        """A snapshot: what is read through it does not change. A statement that runs over the bounds is ended."""
        ...

    def writer(self) -> Writer:
        """A connection that writes."""
        ...

    def has_active_writer(self) -> bool:
        """Whether a process writes the model now; asking changes nothing."""
        ...

    def scrub(self) -> bool:
        """Removes what is left of deleted rows where it can; whether it could, or a reader was in the way."""
        ...

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        ...
