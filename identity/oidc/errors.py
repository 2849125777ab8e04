"""Why a sign-in with a provider fails. No message contains a token, a code or a claim of a person."""

from __future__ import annotations


class SignInRefusedError(Exception):
    """A token, or the answer of the provider, is not acceptable; the message says why."""


class ProviderUnavailableError(Exception):
    """The provider cannot be reached, or answers something that is not OpenID Connect."""
