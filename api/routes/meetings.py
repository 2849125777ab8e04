"""Meetings with their minutes, and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import KeyPath, TimeParameters
from api.routes.subjects import get_endpoint, list_endpoint
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import meeting, task
from domain.messages import Command
from projections.queries import minutes as minute_queries

COMMANDS: Final[Mapping[type[Command], str]] = {
    meeting.PlanMeeting: "/meetings",
    meeting.RecordMeeting: "/meetings/record",
    meeting.ReviseMeeting: "/meetings/{key}/revise",
    meeting.HoldMeeting: "/meetings/{key}/hold",
    meeting.AddMinutes: "/meetings/{key}/minutes",
    meeting.CancelMeeting: "/meetings/{key}/cancel",
    task.AssignTask: "/tasks",
    task.RescheduleTask: "/tasks/{key}/reschedule",
    task.CompleteTask: "/tasks/{key}/complete",
    task.DropTask: "/tasks/{key}/drop",
}
MEETING_FIELDS: Final = ("status", "held_on", "products", "agenda", "attendees", "role.accountable")
TASK_FIELDS: Final = ("status", "due_on", "products", "role.accountable", "result", "dropped_because")


def router() -> APIRouter:
    """Return the routes that read meetings and tasks."""
    routes = v1_router("Meetings")
    add_query(
        routes, "/meetings", list_endpoint("meeting", MEETING_FIELDS), answer_documentation.Subjects, "List meetings"
    )
    add_query(
        routes, "/meetings/{key}", get_endpoint("meeting"), answer_documentation.SubjectPage, "Get a meeting", "light"
    )
    add_query(
        routes,
        "/meetings/{key}/minutes",
        get_minutes,
        answer_documentation.Minutes,
        "Get the minutes of a meeting",
        "light",
    )
    add_query(routes, "/tasks", list_endpoint("task", TASK_FIELDS), answer_documentation.Subjects, "List tasks")
    add_query(routes, "/tasks/{key}", get_endpoint("task"), answer_documentation.SubjectPage, "Get a task", "light")
    return routes


def get_minutes(query: QueryDependency, services: ServiceDependency, time: TimeParameters, key: KeyPath) -> Response:
    """The attendees, and the advice, dissent, decisions and tasks recorded with the meeting, each with its people.

    What a scribe recorded for others is a claim until they confirm it: deciders with `POST /v1/decisions/{key}/confirm`,
    owners of tasks with `POST /v1/subjects/{subject}/acknowledge`.
    """
    known = services.find_subject(f"meeting:{key}", "key")
    return query(lambda read: minute_queries.minutes(read, known, time))
