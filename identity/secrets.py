"""Secrets that people and programs present: made of random bytes, recognized by their form, stored as a hash."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

SECRET_BYTES: Final = 32
_BODY: Final = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
"""32 bytes in base64 without padding: the last of the 43 characters carries only 4 bits."""


@dataclass(frozen=True, slots=True)
class SecretKind:
    """A kind of secret, recognized by its prefix, also by programs that search files for leaked secrets."""

    prefix: str

    def new(self, entropy: Callable[[int], bytes]) -> str:
        """Return a new secret."""
        return self.prefix + urlsafe_b64encode(entropy(SECRET_BYTES)).rstrip(b"=").decode()

    def matches(self, text: str) -> bool:
        """Whether a text has the form of such a secret."""
        return re.fullmatch(self.prefix + _BODY, text) is not None


def hash_secret(secret: str) -> bytes:
    """Return the hash under which a secret is stored. As 32 random bytes cannot be guessed, a fast hash is enough."""
    return sha256(secret.encode()).digest()
