"""Recognising canonical bytes without parsing them.

Most entries of a type have the same members, and only their strings and numbers differ. What they have in common is
their *form*: a regular expression that is made from an entry that was parsed, and matches nothing but canonical bytes
of just this shape, with just the texts it has places for. It only ever says yes: what no form matches, is parsed and
judged as ever.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json

from domain.messages import Event
from eventlog.canonical import canonical
from eventlog.codec import SALT_BYTES, text_places
from eventlog.committer import Row

FORMS_PER_TYPE: Final = 8
MET_BEFORE_LEARNT: Final = 3
"""Making a regular expression takes as long as parsing a hundred entries, so it must be worth it."""
SHAPES_COUNTED: Final = 10_000

_PLACE_IN_UNIT: Final = "/unit/place"
_STRING: Final = rb'"(%b[ !#-\[\]-~]*)"'
_NUMBER: Final = rb"(%b0|[1-9][0-9]{0,14})"
_PROSE: Final = rb'[^"\\\x00-\x1f\x7f]*'
_SAID: Final = rb'\["([0-9a-f]{%d})","(%b(?:\\["\\bfnrt]%b)*)"\]' % (2 * SALT_BYTES, _PROSE, _PROSE)
_BETWEEN: Final = b"\n"
"""What stands between an event's own part and its texts, and in neither of them."""


Recognised = tuple[int, tuple[bytes, ...]]
"""What was read off an entry: how many commitments it has, and these; its place in its unit; and, unless its texts are
gone, the salt (in hex) and the words (as JSON has them) of each. Flat, for one is made for every entry."""


@dataclass(slots=True)
class Forms:
    """The forms met so far, by type and by whether there are texts; those of the last entries first."""

    _known: dict[tuple[str, bool], list[tuple[re.Pattern[bytes], int]]] = field(default_factory=dict)
    _met: Counter[tuple[str, bytes]] = field(default_factory=Counter)

    def recognised(self, type_: str, own: bytes, texts: bytes | None) -> Recognised | None:
        """What can be read off an entry of a known form. Whether its texts are UTF-8, and the right ones, is not said."""
        forms = self._known.get((type_, texts is None), [])
        try:
            whole = own if texts is None else own + _BETWEEN + texts
            for n, (form, places) in enumerate(forms):
                if found := form.fullmatch(whole):
                    if n:
                        forms.insert(0, forms.pop(n))
                    return places, found.groups()
        except TypeError:  # what stands in a row that was tampered with may be of any type
            pass
        return None

    def learn(self, row: Row, model: type[Event], own: Any) -> None:
        """Takes notice of the form of an entry that was parsed, and that nothing is wrong with."""
        forms = self._known.setdefault((row.type, row.texts is None), [])
        if len(forms) == FORMS_PER_TYPE or len(self._met) == SHAPES_COUNTED:
            return
        places = sorted({place for place, _ in text_places(model, own)})
        captured: list[str] = []
        shape = _shape(own, "", {*places, _PLACE_IN_UNIT}, captured)
        if row.texts is not None:
            shape += _BETWEEN + _texts(places)
        self._met[row.type, shape] += 1
        # With eleven options their places have another order as words than in the entry; that is rare, and left alone.
        if self._met[row.type, shape] == MET_BEFORE_LEARNT and captured == [*places, _PLACE_IN_UNIT]:
            forms.append((_expression(shape), len(places)))


def _shape(value: Any, place: str, wanted: set[str], captured: list[str]) -> bytes:
    """The expression for values of a shape; the places of what it captures are added to a list, in order."""
    if isinstance(value, dict):
        members = (
            re.escape(canonical(name)) + b":" + _shape(member, f"{place}/{name}", wanted, captured)
            for name, member in value.items()
        )
        return rb"\{" + b",".join(members) + rb"\}"
    if isinstance(value, list):
        items = (_shape(member, f"{place}/{n}", wanted, captured) for n, member in enumerate(value))
        return rb"\[" + b",".join(items) + rb"\]"
    if isinstance(value, bool):
        return canonical(value)
    if place in wanted:
        captured.append(place)
    return (_STRING if isinstance(value, str) else _NUMBER) % (b"" if place in wanted else b"?:")


def _texts(places: Iterable[str]) -> bytes:
    return rb"\{" + b",".join(re.escape(canonical(place)) + b":" + _SAID for place in places) + rb"\}"


@lru_cache(1024)
def _expression(shape: bytes) -> re.Pattern[bytes]:
    return re.compile(shape)


# Commitments ----------------------------------------------------------------------------------------------------------

_REST: Final = bytes(64 - SALT_BYTES)
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_INNER_REST: Final = _REST.translate(_INNER)
_OUTER_REST: Final = _REST.translate(_OUTER)


def are_committed(found: Recognised, texts: bytes) -> bool:
    """Whether the texts of an entry are just those it is committed to.

    HMAC-SHA-256 is written out, as RFC 2104 has it: to begin the library's own takes longer than these hashes.
    """
    if not (texts.isascii() or _is_utf8(texts)):
        return False
    places, said = found
    at = places + 1
    for commitment in said[:places]:
        salt, text = unhexlify(said[at]), said[at + 1]
        told = sha256(salt.translate(_INNER) + _INNER_REST + (_unescaped(text) if b"\\" in text else text)).digest()
        if sha256(salt.translate(_OUTER) + _OUTER_REST + told).hexdigest().encode() != commitment:
            return False
        at += 2
    return True


def _unescaped(text: bytes) -> bytes:
    return str(from_json(b'"' + text + b'"')).encode()


def _is_utf8(stored: bytes) -> bool:
    try:
        stored.decode()
    except UnicodeDecodeError:
        return False
    return True
