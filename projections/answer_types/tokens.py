"""Tokens."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, TableAnswer

Scopes = Annotated[
    list[str],
    Field(description="What the token may be used for, at most: `read`, `write`, `import`, `erase`, `admin`."),
]


class TokenRow(TypedDict):
    """A token, without its secret."""

    id: Annotated[str, Field(description="The id, which is needed to revoke it.")]
    holder: Annotated[str, Field(description="The person or service that the token is for.")]
    scopes: Scopes
    label: Annotated[str, Field(description="The purpose of the token.")]
    created_at: Annotated[At, Field(description="The time at which it was created.")]
    expires_at: Annotated[At | None, Field(description="The time until which it is valid; null if it never expires.")]
    used_at: Annotated[At | None, Field(description="The time of its last use, to the hour; null if it was not used.")]
    revoked_at: Annotated[At | None, Field(description="The time at which it was revoked; null if it was not.")]


class Tokens(TableAnswer):
    """All tokens, including revoked ones."""

    rows: Annotated[list[TokenRow], Field(description="The tokens.")]


class CreatedToken(TypedDict):
    """A new token."""

    id: Annotated[str, Field(description="The id, which is needed to revoke it.")]
    holder: Annotated[str, Field(description="The person or service that the token is for.")]
    scopes: Scopes
    secret: Annotated[
        str, Field(description="The token itself: send it as `Authorization: Bearer SECRET`. It is shown only once.")
    ]
    expires_at: Annotated[At | None, Field(description="The time until which it is valid; null if it never expires.")]
