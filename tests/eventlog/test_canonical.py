from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from eventlog.canonical import SAFE_INTEGER, NotCanonicalError, canonical

strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
keys = st.text(st.characters(codec="ascii", exclude_characters="\x00"))
scalars = strings | st.booleans() | st.integers(-SAFE_INTEGER, SAFE_INTEGER)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)


@given(values)
def test_bytes_are_those_of_rfc_8785(value: Any) -> None:
    """Every value that has canonical bytes here has those of RFC 8785."""
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [1.0, None, 2**53, -(2**53), float("nan"), "\x00", "\ud800", {"ü": 1}, {1: 1}, {"a": [None]}, b"x"],
)
def test_a_value_without_canonical_form_is_refused(value: Any) -> None:
    """Floats, nulls, large integers, U+0000, lone surrogates and non-ASCII keys have no canonical bytes."""
    with pytest.raises(NotCanonicalError):
        canonical(value)
