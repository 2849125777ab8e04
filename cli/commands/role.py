"""`decisionlog role`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options, tables
from cli.context import get_context
from cli.errors import CommandFailed
from cli.options import Output, drop_unset, load_settings
from cli.query import print_answer
from cli.receipts import build_command, print_receipt
from decisionlog_client import Client, questions
from domain.roles import ROLES, GrantRole, RevokeRole
from domain.values import is_subject


@click.group()
def role() -> None:
    """Grant, revoke and list roles."""


_holder = click.argument("holder")
_role = click.argument("role", type=click.Choice(ROLES))
_product = click.option("--product", help="The product, with the products of its line; all by default.")
_as_json = options.json_flag("Print the receipt as JSON.")


@role.command()
@_holder
@_role
@_product
@click.option("--note", help="A comment, such as the reason.")
@_as_json
@options.data
@options.owner
def grant(holder: str, as_json: bool, data: Path | None, owner: str | None, **given: Any) -> None:
    """Grant a role.

    HOLDER is the name or id of a person, `team:KEY`, `service:KEY` or `group:KEY`. ROLE is viewer, contributor, manager,
    auditor or admin.
    """
    _send(GrantRole, holder, drop_unset(**given), data, owner, as_json=as_json)


@role.command()
@_holder
@_role
@_product
@click.option("--note", help="A comment, such as the reason.")
@_as_json
@options.data
@options.owner
def revoke(holder: str, as_json: bool, data: Path | None, owner: str | None, **given: Any) -> None:
    """Revoke a role.

    HOLDER is the name or id of a person, `team:KEY`, `service:KEY` or `group:KEY`. A role for one product is revoked with
    that product, and one for all products without.
    """
    _send(RevokeRole, holder, drop_unset(**given), data, owner, as_json=as_json)


@role.command(name="list")
@click.option("--holder", help="Only roles of this person, team, service or group.")
@click.option("--product", help="Only roles that count for this product.")
@options.bitemporal
@options.paging
@options.output
def list_(output: Output, **given: Any) -> None:
    """List roles.

    Each with who granted it, when and why.
    """
    print_answer(questions.grants(**drop_unset(**given)), tables.grants, output)


def _send(
    kind: type[GrantRole | RevokeRole],
    holder: str,
    fields: dict[str, Any],
    data: Path | None,
    owner: str | None,
    *,
    as_json: bool,
) -> None:
    with get_context().client(load_settings(data=data, owner=owner), writes=True) as log:
        receipt = log.send(build_command(kind, {**fields, "subject": _find_holder(log, holder)}))
    print_receipt(receipt, "RoleGranted" if kind is GrantRole else "RoleRevoked", as_json=as_json)


def _find_holder(log: Client, name: str) -> str:
    if is_subject(name):
        return name
    found = [row["id"] for row in log.ask(questions.people(name))["rows"]]
    if len(found) != 1:
        what = f"is ambiguous. Use one of these ids: {', '.join(found)}." if found else "is unknown."
        raise CommandFailed(f"The name {name!r} {what}")
    return found[0]
