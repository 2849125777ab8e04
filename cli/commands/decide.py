"""`decisionlog decide`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from cli.context import get_context
from cli.errors import CommandFailed, Exit
from cli.options import drop_unset, load_settings, repeatable
from cli.query import find_subject
from cli.receipts import Given, build_command, command_options, name_fields, print_receipt
from cli.settings import Settings
from domain import decision as decisions
from domain.messages import Command

OUTCOMES: Final[Mapping[str, type[Command]]] = {
    "approve": decisions.ApproveDecision,
    "abstain": decisions.AbstainFromDecision,
    "accept": decisions.AcceptDecision,
    "reject": decisions.RejectDecision,
    "defer": decisions.DeferDecision,
    "withdraw": decisions.WithdrawDecision,
    "reopen": decisions.ReopenDecision,
    "supersede": decisions.SupersedeDecision,
    "reverse": decisions.ReverseDecision,
    "confirm": decisions.ConfirmDecision,
    "ratify": decisions.RatifyDecision,
}


@click.command()
@click.argument("subject", metavar="DECISION")
@click.argument("outcome", default="accept")
@click.option("--decision", help="What is decided; with accept, if the proposal leaves it open.")
@click.option("--why", help="The reason.")
@click.option("--option", help="With accept: title of the option chosen.")
@repeatable("--decider", "With accept and reject: who decided.  [you, or --on-behalf-of]")
@click.option("--until", help="With defer: what to wait for.")
@click.option("--look-again-on", help="With defer: date to review it, e.g. 2025-03-01.")
@repeatable("--by", "With supersede and reverse: the decision that replaces it.")
@command_options
def decide(
    subject: str,
    outcome: str,
    as_json: bool,
    data: Path | None,
    owner: str | None,
    effective_at: datetime | None,
    **given: Any,
) -> None:
    """Accept, reject, supersede or reopen a decision.

    OUTCOME is approve, abstain, accept, reject, defer, withdraw, reopen, supersede, reverse, confirm or ratify.  [accept]

    DECISION is a key, decision:KEY, or PRODUCT/NUMBER.
    """
    settings = load_settings(data=data, owner=owner)
    change_status(settings, subject, outcome, drop_unset(effective_at=effective_at, **given), as_json=as_json)


def change_status(settings: Settings, name: str, outcome: str, given: Given, *, as_json: bool) -> None:
    """Bring a decision to an outcome.

    Raises:
        CommandFailed: there is no such outcome, or a field is missing or invalid.
        Refused: the log refused it.
    """
    if outcome not in OUTCOMES:
        raise CommandFailed(f"No outcome {outcome!r}. Choose one of {', '.join(OUTCOMES)}.", Exit.USAGE_ERROR)
    kind, fields = OUTCOMES[outcome], name_fields(given)
    if outcome == "reverse" and len(fields.get("by", ())) == 1:
        fields["by"] = fields["by"][0]
    build_command(kind, {**fields, "subject": "decision:any"})  # report invalid options before opening the log
    with get_context().client(settings, writes=True) as log:
        subject = find_subject(log, name)
        receipt = log.send(build_command(kind, {**fields, "subject": subject}))
    event = receipt["recorded"][-1]["type"].partition(".")[0]
    done = "Abstained from" if outcome == "abstain" else event.removeprefix("Decision")
    print_receipt(receipt, done, as_json=as_json)
