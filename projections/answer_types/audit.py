"""Events in the audit trail."""

from typing import Annotated

from pydantic import Field

from projections.answer_types.parts import Blame, TableAnswer, Value


class AuditEvent(Blame):
    """An event in the audit trail."""

    subject: Annotated[str, Field(description="The subject in whose stream the event is.")]
    version: Annotated[int, Field(description="The version of the subject after the event.")]
    transaction: Annotated[str, Field(description="The id of the transaction.")]
    index: Annotated[int, Field(description="The index in the transaction, counted from 0.")]
    credential: Annotated[str | None, Field(description="The id of the token.")]
    references: Annotated[
        list[dict[str, str]], Field(description="External ids and links: `id`, and `system` if it was given.")
    ]
    data: Annotated[dict[str, Value], Field(description="The complete event; its type determines its fields.")]
    title: Annotated[str | None, Field(description="The title of the subject; null if it has none.")]


class AuditTrail(TableAnswer):
    """Events, in the order in which they were recorded."""

    rows: Annotated[list[AuditEvent], Field(description="The events.")]
