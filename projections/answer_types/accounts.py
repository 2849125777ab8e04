"""Accounts of people at an OpenID provider."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import TableAnswer


class Account(TypedDict):
    """An account at an OpenID provider, and the person it signs in."""

    person: Annotated[str, Field(description="The person it belongs to.")]
    issuer: Annotated[str, Field(description="The issuer of the provider.")]
    account: Annotated[str, Field(description="The subject identifier of the account at the provider.")]


class Accounts(TableAnswer):
    """Accounts, in the order of issuer and account."""

    rows: Annotated[list[Account], Field(description="The accounts.")]
