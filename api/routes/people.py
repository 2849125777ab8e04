"""People and teams: the directory of names, and the commands that register and change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import answer_documentation
from api.authentication import CurrentCaller
from api.bodies import json_body, parse_body
from api.permissions import require
from api.query_execution import QueryDependency
from api.query_parameters import KeyPath, PageParameters
from api.routes.log import refuse_command_headers
from api.routes.subjects import get_endpoint, list_endpoint
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import people
from domain.actions import ADMINISTER
from domain.errors import unknown_subject
from domain.messages import Command
from domain.values import Line
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read

COMMANDS: Final[Mapping[type[Command], str]] = {
    people.RegisterPerson: "/people",
    people.MergePeople: "/people/{key}/merge",
    people.RecordPersonLeft: "/people/{key}/leave",
    people.RegisterTeam: "/teams",
    people.DisbandTeam: "/teams/{key}/disband",
}


class Names(BaseModel):
    """Names and identifiers to add to a person."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Ann Bee", "identifiers": ["ann@example.org"]}]}
    )

    name: Line | None = Field(None, description="The new name to show. The previous name still finds the person.")
    identifiers: list[Line] = Field(
        default_factory=list, max_length=100, description="Email addresses, handles and other spellings."
    )
    move: bool = Field(default=False, description="Take the `identifiers` away from other people who have them.")


def router() -> APIRouter:
    """Return the routes of people and teams that are no commands."""
    routes = v1_router("People")
    admin = [Depends(refuse_command_headers), Depends(require(ADMINISTER))]
    add_query(routes, "/people", list_people, answer_documentation.People, "List people")
    routes.get(
        "/people/{key}",
        summary="Get a person's names",
        **answer_documentation.describe_route(answer_documentation.PersonRow),
    )(get_person)
    routes.post(
        "/people/{key}/names",
        summary="Add names to a person",
        dependencies=admin,
        openapi_extra=json_body("Names"),
        **answer_documentation.describe_route(answer_documentation.PersonRow),
    )(add_names)
    routes.delete(
        "/people/{key}/names",
        summary="Erase a person's names",
        dependencies=admin,
        **answer_documentation.describe_route(answer_documentation.PersonRow),
    )(erase_names)
    add_query(routes, "/teams", list_endpoint("team", ("status",)), answer_documentation.Subjects, "List teams")
    add_query(routes, "/teams/{key}", get_endpoint("team"), answer_documentation.SubjectPage, "Get a team", "light")
    return routes


def list_people(
    query: QueryDependency,
    services: ServiceDependency,
    page: PageParameters,
    name: Annotated[str | None, Query(max_length=500, description="Only people with this name or identifier.")] = None,
) -> Response:
    """Everyone in the directory in the order of their ids, with the name to show, every other spelling, and who they were merged into."""
    directory = services.book.directory
    found = None if name is None else set(directory.find(name))
    rows: list[answer_documentation.PersonRow] = [
        {"id": each.id, "name": each.name, "spellings": list(each.spellings)}
        for each in directory.list_people()
        if found is None or each.id in found
    ]

    def answer(read: Read) -> Answer[answer_documentation.PersonRow]:
        shown, following = page_after(rows, lambda row: (row["id"],), (str,), page.limit, page.cursor)
        for row in shown:
            if row["id"] in read.merged_into:
                row["merged_into"] = read.merged_into[row["id"]]
        return build_answer(resolve_time(read, NOW), shown, next_cursor=following)

    return query(answer)


def get_person(services: ServiceDependency, key: KeyPath) -> answer_documentation.PersonRow:
    """The names of a person. Once erased, only the id is left."""
    person = f"person:{key}"
    if not services.book.state(person).version:
        raise unknown_subject(person, field="key")
    directory = services.book.directory
    return {"id": person, "name": directory.name(person), "spellings": list(directory.spellings(person))}


def add_names(
    services: ServiceDependency,
    caller: CurrentCaller,
    key: KeyPath,
    names: Annotated[Names, Depends(parse_body(Names))],
) -> answer_documentation.PersonRow:
    """Adds identifiers; `name` changes the name to show. Each change is recorded as an event without the name itself."""
    person = get_person(services, key)["id"]
    directory = services.log.directory
    if names.identifiers:
        directory.add(person, *names.identifiers, move=names.move, name=names.name, by=caller)
    elif names.name:
        directory.rename(person, names.name, by=caller)
    return get_person(services, key)


def erase_names(
    services: ServiceDependency,
    caller: CurrentCaller,
    key: KeyPath,
    spelling: Annotated[str | None, Query(max_length=500, description="Only this spelling. Default: all.")] = None,
) -> answer_documentation.PersonRow:
    """Erases names from the directory. The id stays in the log and can no longer be traced to a person."""
    services.log.directory.erase_names(get_person(services, key)["id"], spelling, by=caller)
    return get_person(services, key)
