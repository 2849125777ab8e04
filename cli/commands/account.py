"""`decisionlog account`."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from cli import options
from cli.answer_titles import Titles
from cli.finding import Finder
from cli.options import Output, drop_unset
from cli.query import open_log, print_answer
from cli.table import Cell, Table
from cli.terminal import print_data
from decisionlog_client import Client, exchange, questions
from decisionlog_client.exchange import Call

PEOPLE: Final = ("person",)


@click.group()
def account() -> None:
    """Connect sign-in accounts to people, and disconnect them."""


@account.command(name="list")
@click.option("--person", type=options.AnySubject(*PEOPLE), help="Only accounts of this person.")
@options.paging
@options.output
def list_(output: Output, **given: Any) -> None:
    """List sign-in accounts and the people they belong to.

    Each account is at an OpenID provider, and is identified by its issuer and its subject identifier.
    """
    print_answer(questions.accounts(**drop_unset(**given)), tabulate, output)


@account.command()
@click.argument("person", type=options.AnySubject(*PEOPLE))
@click.argument("account")
@click.option("--issuer", required=True, help="The issuer URL, exactly as the provider gives it.")
@options.output
def connect(output: Output, person: str, account: str, issuer: str) -> None:
    """Connect an account that a person can sign in with.

    ACCOUNT is its subject identifier at the provider (the `sub` claim), not a name or an email address.
    """
    with open_log(output, writes=True) as log:
        who = Finder(log).find(person, PEOPLE)
        found = send(log, "/v1/accounts", {"person": who, "issuer": issuer, "account": account})
        print_receipt(log, "Connected", found, output)


@account.command()
@click.argument("account")
@click.option("--issuer", required=True, help="The issuer URL, exactly as the provider gives it.")
@options.output
def disconnect(output: Output, account: str, issuer: str) -> None:
    """Disconnect an account, and end its sessions.

    ACCOUNT is its subject identifier at the provider, as `account list` shows it. Connect it again to undo this.
    """
    with open_log(output, writes=True) as log:
        found = send(log, "/v1/accounts/disconnect", {"issuer": issuer, "account": account})
        print_receipt(log, "Disconnected", found, output)


def send(log: Client, path: str, body: dict[str, str]) -> Any:
    """Send a request about an account, and return the account.

    Raises:
        Refused: the caller is not an administrator, or the account belongs to another person, or to none.
    """
    headers = {"Content-Type": "application/json"}
    return exchange.read_json(log.call(Call("POST", path, body=json.dumps(body).encode(), headers=headers)))


def print_receipt(log: Client, done: str, found: Any, output: Output) -> None:
    """Print what was done, with the name of the person, or the response."""
    if output.format:
        print_data(json.dumps(found, ensure_ascii=False), "json")
        return
    people = Finder(log).candidates("person")
    name = next((each.title for each in people if each.subject == found["person"]), found["person"])
    click.echo(f"{done} {found['account']} at {found['issuer']}: {name}.")


def tabulate(answer: Any, titles: Titles) -> Table:
    """Return the table of accounts."""
    rows: list[list[Cell]] = [
        [titles.format(row["person"]), row["account"], row["issuer"], row["person"]] for row in answer["rows"]
    ]
    return Table(("name", "account", "issuer", "person"), rows)
