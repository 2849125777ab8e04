"""A naive implementation of decision debt and succession: it reads all entries again for each question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from domain.values import format_micros, from_micros, to_micros
from eventlog.entry import Entry
from tests.projections.naive_flags import naive_flags
from tests.projections.reference_model import known_entries, values_in_effect, without_removed

ENDED = {
    *("shipped", "dropped", "retired", "met", "missed", "rejected", "withdrawn", "superseded", "reversed"),
    *("held", "canceled", "done"),
}
STALE, ENDING = timedelta(days=30), timedelta(days=14)
Owed = tuple[str, str, str]
"""A code, a subject, and the part of it: an expectation, a delegation, a person or a ground."""


class NaiveDebt:
    """Everything that was known at a time, as of another."""

    def __init__(self, entries: list[Entry], as_of: int, known_at: int) -> None:
        self.as_of, self.today = as_of, format_micros(as_of)[:10]
        self.flags = naive_flags(entries, as_of, known_at)
        known = known_entries(entries, known_at)
        voided = {entry.event.voided_position() for entry in known}
        self.live = sorted(
            (each for each in known if each.position not in voided and each.effective_at <= as_of),
            key=lambda each: (each.effective_at, each.position),
        )
        self.merged = {
            subject: value
            for (subject, field), (value, _) in values_in_effect(entries, 1 << 60, 1 << 60).items()
            if field == "merged_into"
        }
        self.fields: dict[str, dict[str, Any]] = {}
        for (subject, field), (value, _) in without_removed(values_in_effect(entries, as_of, known_at)).items():
            if value is not None:
                self.fields.setdefault(subject, {})[field] = value

    def one(self, person: str) -> str:
        return self.one(self.merged[person]) if person in self.merged else person

    def setter(self, subject: str, field: str) -> Entry:
        """The entry behind the value of a field."""
        return [
            each
            for each in self.live
            if each.subject == subject and any(change.field == field for change in each.event.field_changes())
        ][-1]

    def holders(self, subject: str) -> list[str]:
        return [self.one(each) for each in self.fields.get(subject, {}).get("role.accountable", [])]

    def has_passed(self, day: str) -> bool:
        end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), tzinfo=UTC)
        return to_micros(end) <= self.as_of

    def owed(self) -> dict[Owed, list[str]]:
        """What is left undone, and who should act."""
        found: dict[Owed, list[str]] = {}
        for subject, fields in self.fields.items():
            for code, part, *owners in self._find(subject, fields):
                found[code, subject, part] = owners[0] if owners else self._act_for(subject)
        for subject, field, reason, cause, _, _ in self.flags:
            if subject.partition(":")[0] in ("product", "decision", "feature", "goal", "release", "assumption"):
                found[reason, subject, f"{cause} {field}" if field else cause] = self._act_for(subject)
        return found

    def _act_for(self, subject: str) -> list[str]:
        return self.holders(subject) or [self.one(each) for each in self.fields[subject].get("deciders", [])]

    def _find(self, subject: str, fields: dict[str, Any]) -> Iterator[Any]:
        kind, status = subject.partition(":")[0], fields.get("status")
        if kind == "decision" and status == "accepted":
            yield from self._of_decision(subject, fields)
        if kind == "feature" and status not in ("shipped", "dropped"):
            yield from self._of_feature(subject, fields)
        if kind == "task" and status == "open" and self.has_passed(fields.get("due_on", "9990-01-01")):
            yield "task_overdue", ""
        if kind == "meeting" and status == "planned" and self.has_passed(fields["held_on"]):
            yield "minutes_missing", ""
        if kind in ("product", "decision", "feature", "goal", "task") and status not in ENDED:
            yield from self._of_owner(subject, fields)
        if kind == "assumption" and status == "open" and fields.get("check_on", "9") <= self.today:
            yield "unchecked_assumption", subject
        yield from self._of_forecasts(fields)
        yield from self._of_delegations(subject, fields)
        if self._can_be_stale(kind, status, fields):
            last = max(each.effective_at for each in self.live if each.subject == subject)
            if from_micros(last) + STALE <= from_micros(self.as_of):
                yield "stale", ""

    def _of_decision(self, subject: str, fields: dict[str, Any]) -> Iterator[Any]:
        if "why" not in fields and "still_valid_because" not in fields:
            yield "no_reason", ""
        if "review_on" in fields and self.has_passed(fields["review_on"]):
            yield "review_overdue", ""
        if fields.get("authority") == "exceeds" and fields.get("ratification") != "within":
            yield "unratified", ""
        decided = self.setter(subject, "status")
        judgment = getattr(decided.event, "authority", None)
        for verdict in judgment.verdicts if judgment else ():
            confirmed = f"confirmed.{verdict.decider.partition(':')[2]}"
            is_confirmed = confirmed in fields and self.setter(subject, confirmed).position > decided.position
            if verdict.basis == "claimed" and not is_confirmed:
                yield "unconfirmed_decider", self.one(verdict.decider), [self.one(verdict.decider)]

    def _of_feature(self, subject: str, fields: dict[str, Any]) -> Iterator[Any]:
        def is_in_force(decision: str) -> bool:
            return self.fields.get(decision, {}).get("status") == "accepted"

        planned = self._find_planned(fields)
        unbacked = [name for name in planned if not any(map(is_in_force, self.setter(subject, name).metadata.because))]
        if unbacked and not any(map(is_in_force, fields.get("decisions", []))):
            yield "undecided", ""

    def _find_planned(self, fields: dict[str, Any]) -> list[str]:
        return [
            name
            for name, value in fields.items()
            if name.startswith("target.")
            or (name == "status" and value in ("committed", "started", "paused"))
            or (name == "horizon" and value in ("now", "next"))
        ]

    def _of_owner(self, subject: str, fields: dict[str, Any]) -> Iterator[Any]:
        holders = [each for each in self.holders(subject) if each.startswith(("person:", "team:"))]
        gone = [each for each in holders if self.fields.get(each, {}).get("status") in ("left", "disbanded")]
        if not holders:
            yield "no_owner", "", []
        elif gone == holders:
            yield "owner_left", "", []
        else:
            entry = self.setter(subject, "role.accountable")
            for holder in holders:
                name = f"acknowledged.accountable.{holder.partition(':')[2]}"
                is_confirmed = name in fields and self.setter(subject, name).position > entry.position
                is_own = self.one(_recorder(entry)) == holder or type(entry.event).__name__ == "ChangesImported"
                if holder.startswith("person:") and holder not in gone and not is_own and not is_confirmed:
                    yield "unconfirmed_owner", holder, [holder]

    def _of_forecasts(self, fields: dict[str, Any]) -> Iterator[Any]:
        for key, value in self.forecasts(fields):
            if value["due_on"] < self.today:
                yield ("outcome_overdue", key, *([[self.one(value["judge"])]] if value.get("judge") else []))

    def forecasts(self, fields: dict[str, Any]) -> list[tuple[str, Any]]:
        """What is expected, without an outcome. One that was replaced is still scored, so its outcome is asked for."""
        stated = {name[12:]: value for name, value in fields.items() if name.startswith("expectation.")}
        return [(key, value) for key, value in stated.items() if f"outcome.{key}" not in fields]

    def _of_delegations(self, subject: str, fields: dict[str, Any]) -> Iterator[Any]:
        for name, value in fields.items():
            if name.startswith("delegation."):
                (change,) = (each for each in self.setter(subject, name).event.field_changes() if each.field == name)
                if change.ends_at is not None and from_micros(change.ends_at) - ENDING <= from_micros(self.as_of):
                    givers = value.get("by") or [subject]
                    yield "ending_delegation", name[11:], [self.one(each) for each in givers]

    def _can_be_stale(self, kind: str, status: Any, fields: dict[str, Any]) -> bool:
        if kind == "decision":
            waits = status == "deferred" and fields.get("revisit_on", "") >= self.today
            return status in (None, "proposed", "deferred") and not waits
        if kind == "feature":
            return status not in ("shipped", "dropped") and bool(self._find_planned(fields))
        return kind == "goal" and status == "open"

    def succession(self, person: str) -> set[tuple[str, str, str, str]]:
        """What a person holds, owes and waits for."""
        found = {
            ("owes", code, subject, part) for (code, subject, part), owners in self.owed().items() if person in owners
        }
        for subject, fields in self.fields.items():
            for name, value in fields.items() if fields.get("status") not in ENDED else ():
                if name.startswith("role.") and person in map(self.one, value):
                    found.add(("holds", "role", subject, name[5:]))
                if name.startswith("delegation.") and self.one(value["to"]) == person:
                    found.add(("holds", "delegation", subject, name[11:]))
            is_open = fields.get("status") in ("proposed", "deferred")
            if is_open and subject.startswith("decision:") and self.one(fields.get("proposed_by", "")) == person:
                found.add(("waits_for", "open_decision", subject, ""))
            for key, value in self.forecasts(fields):
                state = "overdue" if value["due_on"] < self.today else "open"
                if self.one(value["by"]) == person:
                    found.add(("waits_for", f"{state}_outcome", subject, key))
                if self.one(value.get("judge", "")) == person and state == "open":
                    found.add(("owes", "open_outcome", subject, key))
        return found

    def arrivals(self) -> Iterator[tuple[str, str, str | None, int]]:
        """The deferred decisions that are back: why, what they waited for, and since when."""
        for subject, fields in self.fields.items():
            if subject.startswith("decision:") and fields.get("status") == "deferred":
                deferred = self.setter(subject, "status").effective_at
                for reason, awaited, came in self._find_come(fields):
                    if came <= self.as_of:
                        yield subject, reason, awaited, max(came, deferred)

    def _find_come(self, fields: dict[str, Any]) -> Iterator[tuple[str, str | None, int]]:
        if "revisit_on" in fields:
            yield "day_reached", None, _start_of(fields["revisit_on"])
        for awaited in fields.get("awaits", []):
            of_awaited = self.fields.get(awaited, {})
            status = of_awaited.get("status")
            if awaited.startswith("evidence:") and of_awaited:
                yield "evidence_recorded", awaited, self.setter(awaited, "exists").effective_at
            elif awaited.startswith("release:") and "due_on" in of_awaited:
                yield "release_due", awaited, _start_of(of_awaited["due_on"])
            elif awaited.startswith("assumption:") and status in ("confirmed", "broken"):
                yield f"assumption_{status}", awaited, self.setter(awaited, "status").effective_at
            elif awaited.startswith("decision:") and status not in (None, "proposed", "deferred"):
                yield "decision_settled", awaited, self.setter(awaited, "status").effective_at

    def outcomes(self) -> dict[tuple[str, str], tuple[str, str | None]]:
        """The state of everything that is expected, and its result."""
        found: dict[tuple[str, str], tuple[str, str | None]] = {}
        for subject, fields in self.fields.items():
            for name, value in fields.items():
                if name.startswith("expectation."):
                    result = fields.get(f"outcome.{name[12:]}", {}).get("result")
                    state = "overdue" if value["due_on"] < self.today else "open"
                    found[subject, name[12:]] = ("recorded" if result else state, result)
        return found


def _start_of(day: str) -> int:
    return to_micros(datetime.combine(date.fromisoformat(day), time(), tzinfo=UTC))


def _recorder(entry: Entry) -> str:
    """Who recorded an entry: who acted, or whose recorded delegation they have."""
    chain = entry.metadata.on_behalf_of
    return chain[-1].who if chain and all(link.delegation for link in chain) else entry.metadata.actor
