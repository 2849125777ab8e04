"""Logs of any size with the history of many products, written as fast as rows can be: nothing is judged on the way."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from domain.any_subject import AttributeSet
from domain.catalog import EVENT_NAMES
from domain.decision_messages import DecisionAccepted, DecisionProposed
from domain.feature import FeaturePrioritized, FeatureProposed, MilestoneTargeted
from domain.messages import Event
from domain.ownership import OwnershipAssigned
from domain.people import PersonRegistered
from domain.product import ProductDefined, ReleaseScheduled
from eventlog.codec import compose, encode
from eventlog.entry import Metadata, Origin
from eventlog.merkle import append_leaves, leaf_hash
from eventlog.migration import append_rows
from eventlog.records import EntryRow, Head
from eventlog.store import Store
from identity.decision_log import DecisionLog
from tests.support_log import T0
from tests.support_postgresql import fresh_schema

EVENTS_PER_PRODUCT: Final = 20_000
"""Of which each has four hundred features."""
PEOPLE: Final = 40
RELEASES: Final = 12
SECOND: Final = 1_000_000
BETWEEN: Final = 60 * SECOND
AT_ONCE: Final = 5_000
Fact = tuple[str, Event, dict[str, Any]]


@dataclass
class History:
    """What products live through: of a hundred events two begin a feature, twelve a decision that is taken; three in a
    hundred are dated back.
    """

    chance: Random
    products: int
    keys: str = ""
    """What the key of every subject begins with."""
    features: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)

    def transactions(self) -> Iterator[list[Fact]]:
        """Units without end: first people, products and releases, then the rest."""
        yield from ([(f"person:{self.keys}p{n}", PersonRegistered(), {})] for n in range(PEOPLE))
        for n in range(self.products):
            yield [(f"product:{self.keys}p{n}", ProductDefined(title=f"Product {n}"), {})]
            for m in range(RELEASES):
                scheduled = ReleaseScheduled(products=(f"product:{self.keys}p{n}",), version=f"1.{m}")
                yield [(f"release:{self.keys}p{n}.1.{m}", scheduled, {})]
        while True:
            dice = self.chance.random()
            yield self._decision() if dice < 0.044 else self._feature() if dice < 0.066 else self._change()

    def _decision(self) -> list[Fact]:
        subject = f"decision:{self.keys}d{len(self.decisions)}"
        self.decisions.append(subject)
        taken = DecisionAccepted(
            deciders=(self.somebody(),),
            decision="So be it, from the next release on.",
            why="Three customers in four asked for it, and no competitor has it.",
        )
        proposed = DecisionProposed(
            title=f"Decision {len(self.decisions)}",
            kind="feature",
            products=(f"product:{self.keys}p{self.chance.randrange(self.products)}",),
        )
        owner = OwnershipAssigned(role="accountable", holders=(self.somebody(),))
        return [(subject, proposed, {}), (subject, owner, {}), (subject, taken, {})]

    def _feature(self) -> list[Fact]:
        n = len(self.features)
        self.features.append(f"feature:{self.keys}f{n}")
        products = (f"product:{self.keys}p{n % self.products}",)
        return [(self.features[-1], FeatureProposed(title=f"Feature {n}", products=products), {})]

    def _change(self) -> list[Fact]:
        if not self.features:
            return self._feature()
        n = self.chance.randrange(len(self.features))
        more: dict[str, Any] = {}
        if self.decisions and self.chance.random() < 0.3:
            more["because"] = (self.chance.choice(self.decisions),)
        if self.chance.random() < 0.1:
            more["note"] = "As said in the meeting."
        return [(self.features[n], self._draw_event(n), more)]

    def _draw_event(self, n: int) -> Event:
        match self.chance.randrange(5):
            case 0 | 1:
                return FeaturePrioritized(horizon=self.chance.choice(("now", "next", "later")))
            case 2:
                release = f"release:{self.keys}p{n % self.products}.1.{self.chance.randrange(RELEASES)}"
                return MilestoneTargeted(milestone=self.chance.choice(("alpha", "beta", "stable")), release=release)
            case 3:
                return OwnershipAssigned(role="accountable", holders=(self.somebody(),))
            case _:
                return AttributeSet(name=f"x.{self.chance.choice(('size', 'risk', 'team'))}", value=self.somebody()[7:])

    def somebody(self) -> str:
        return f"person:{self.keys}p{self.chance.randrange(PEOPLE)}"


class Filling:
    """Adds to a store what a log would have written, without deciding anything."""

    def __init__(self, store: Store, products: int, seed: int = 1, keys: str = "") -> None:
        self._store = store
        self._chance = Random(seed)
        self._head = store.head()
        self._versions: dict[str, int] = {}
        self.history = History(self._chance, products, keys)

    def to(self, size: int) -> None:
        """Fills until there are this many entries, or a few more."""
        transactions = self.history.transactions()
        while self._head.size < size:
            rows: list[EntryRow] = []
            answers: list[tuple[object, ...]] = []
            while len(rows) < min(AT_ONCE, size - self._head.size):
                transaction = next(transactions)
                answers.append(
                    (
                        "person:p0",
                        self._chance.randbytes(16).hex(),
                        bytes(16),
                        bytes(32),
                        self._head.size + len(rows) + 1,
                        len(transaction),
                    )
                )
                rows += self._place(transaction, len(rows))
            leaves = [leaf_hash(compose(row)) for row in rows]
            frontier = append_leaves(self._head.frontier, self._head.size, leaves)
            self._head = Head(rows[-1].position, frontier, rows[-1].recorded_at)
            append_rows(self._store, rows, self._head)
            self._store.run(
                lambda session, new=answers: session.executemany(
                    "INSERT INTO idempotency_records VALUES (?, ?, ?, ?, ?, ?)", new
                )
            )

    def _place(self, transaction: list[Fact], n: int) -> Iterator[EntryRow]:
        name = self._chance.randbytes(16).hex()
        for place, (subject, event, more) in enumerate(transaction, start=1):
            position = self._head.size + n + place
            at = T0 + position * BETWEEN + place
            if self._chance.random() < 0.03 and place == len(transaction) and not isinstance(event, FeatureProposed):
                more["effective_at"] = at - self._chance.randrange(1, 30 * 24 * 3_600) * SECOND
            metadata = Metadata(
                id=self._chance.randbytes(16).hex(),
                transaction=name,
                index=place,
                actor=self.history.somebody(),
                credential="bench",
                source=Origin("http"),
                **more,
            )
            version = self._versions[subject] = self._versions.get(subject, 0) + 1
            own, texts = encode(event, metadata, self._chance.randbytes)
            yield EntryRow(position, subject, version, EVENT_NAMES[type(event)], at, own, texts)


@contextmanager
def filled(where: Path | str, size: int) -> Iterator[tuple[DecisionLog, History]]:
    """A log of this many entries, or a few more, in a file or at an address."""
    clock = itertools.count(T0 + (size + 10_000_000) * BETWEEN, 1_000)
    entropy = Random(2).randbytes
    with DecisionLog.open(where, clock=lambda: T0, entropy=entropy) as begun:
        begun.default_role = "admin"
        filling = Filling(begun._store, max(1, size // EVENTS_PER_PRODUCT))
        filling.to(size)
    with DecisionLog.open(where, clock=lambda: next(clock), entropy=entropy) as log:
        log.default_role = "admin"
        yield log, filling.history


@contextmanager
def places() -> Iterator[dict[str, tuple[Path | str, Path | str]]]:
    """For each database, where a log can be and where its read model."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        yield {
            "SQLite": (folder / "log.sqlite", folder / "model.sqlite"),
            "PostgreSQL": (opened.enter_context(fresh_schema()), opened.enter_context(fresh_schema())),
        }
