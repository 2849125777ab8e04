"""Security headers of every response."""

from __future__ import annotations

from typing import Final

RawHeaders = list[tuple[bytes, bytes]]

_NO_EMBEDDING: Final = (b"frame-ancestors 'none'", b"base-uri 'none'", b"form-action 'none'")
_POLICY: Final = b"; ".join((b"default-src 'none'", *_NO_EMBEDDING))
_POLICY_NAME: Final = b"content-security-policy"
_ALWAYS: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
    _POLICY_NAME: _POLICY,
}
"""A response that sets one of these itself keeps its own: a public document may be cached."""


def add_security_headers(headers: RawHeaders) -> None:
    """Add the missing headers to those of a response, in place."""
    if _ALWAYS.keys().isdisjoint([name for name, _ in headers]):  # true of nearly all responses
        headers += _ALWAYS.items()
        return
    missing = _ALWAYS.copy()
    for n, (name, value) in enumerate(headers):
        if missing.pop(name, None) and name == _POLICY_NAME:
            headers[n] = (name, _forbid_embedding(value))
    headers += missing.items()


def _forbid_embedding(policy: bytes) -> bytes:
    """Return a content security policy that also restricts frames, base addresses and forms."""
    return b"; ".join([policy, *(each for each in _NO_EMBEDDING if each.partition(b" ")[0] not in policy)])


def as_bytes() -> bytes:
    """Return these headers as bytes, for a response that is sent without the application."""
    return b"".join(name + b": " + value + b"\r\n" for name, value in _ALWAYS.items())
