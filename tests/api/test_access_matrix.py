"""The access matrix: every route that is served × every role × own and other product × every state of a token.

What is expected stands here, by hand, and not in the words of the policy. A route without a row fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from api.app import COMMAND_PATHS
from api.pages.static_files import load_static_files
from domain.examples import EXAMPLES
from domain.scopes import SCOPES
from tests.support_access import AUDIT, LEVELS, NEEDS, PEARL, Need, command_fields, content, expected_outcome
from tests.support_client import AppClient
from tests.support_log import LocalService

BOUNDARIES: Final = {
    0: ("viewer", "viewer"),
    1: ("viewer", "viewer"),
    2: ("contributor", "viewer"),
    3: ("manager", "contributor"),
    4: ("admin", "manager"),
    AUDIT: ("auditor", "manager"),
}
"""The lowest role with which a level is reached, and one with which it is not, if there is one."""
OPEN = {"GET /static/{name}", "GET /v1/health", "GET /v1/version", "GET /v1/catalog", "GET /docs", "GET /openapi.json"}
SIGNED_IN = {"GET /v1/me", "GET /v1/sessions", "DELETE /v1/sessions"}
LISTS = {
    f"GET /v1/{path}"
    for path in (
        *("fields", "fields/count", "fields/history", "fields/history/count", "roadmap", "changes", "slips"),
        *("decisions", "features", "products", "releases", "goals", "accountability", "accountability/count"),
        *("expected-outcomes", "debt", "debt/months", "evidence", "assumptions", "flags"),
        *("meetings", "tasks", "arrivals", "contributions", "contributions/gaps"),
        *("calibration", "slips/causes", "slips/count", "succession"),
        *("unowned", "audit", "search", "log", "status", "log/entries", "people", "people/{key}", "teams"),
        *("teams/{key}", "roles", "imports"),
    )
}
"""Every reader may ask; the answer has only what they may read."""
LISTS |= {"GET /v1/sessions", "DELETE /v1/sessions", "DELETE /v1/sessions/{key}"}
PAGES = {
    "GET /",
    *(
        f"GET /{path}"
        for path in (
            *("roadmap", "decisions", "record", "similar", "goals", "releases", "people", "people/{key}"),
            *("evidence", "assumptions", "flags", "meetings", "tasks"),
            *("debt", "slips", "outcomes", "succession/{key}"),
            *("teams/{key}", "audit", "search", "help", "reports", "admin", "account"),
        )
    ),
}
PAGES_ABOUT_PRODUCT = {
    f"GET /{path}"
    for path in (
        *("decisions/{key}", "features/{key}", "products/{key}", "releases/{key}", "goals/{key}"),
        *("evidence/{key}", "assumptions/{key}", "meetings/{key}", "tasks/{key}"),
        *("audit/{position}", "audit/{position}/proof", "reports/{key}", "do/{name}"),
    )
}
PAGES_ABOUT_PRODUCT |= {"GET /meetings/{key}/write-up"}
FORMS = {
    "POST /meetings/{key}/write-up",
    "POST /record",
    "POST /do/{name}",
    "POST /reports/{key}",
    "POST /succession/{key}",
}
ROLE_PAGES = {"GET /admin/grant-role", "GET /admin/revoke-role"}
ADMIN_PAGES = {
    "GET /demo",
    *(f"GET /admin/{name}" for name in ("create-token", "revoke-token", "create-sign-in-link", "end-sessions")),
}
ADMIN_FORMS = {route.replace("GET", "POST") for route in ROLE_PAGES | ADMIN_PAGES}
"""Roles for all products; who may grant them for one product is a matter of the command."""
PAGES |= ROLE_PAGES | ADMIN_PAGES | {"GET /access-journal", "GET /activity"}
PAGES_ABOUT_PRODUCT |= {"GET /imports/{key}"}
FORMS |= ADMIN_FORMS | {"POST /demo", "POST /account"}
SIGN_IN = {
    f"{method} /{path}"
    for method, path in (
        *(("GET", "sign-in"), ("POST", "sign-in"), ("GET", "sign-out"), ("POST", "sign-out")),
        *(("GET", "sign-in/provider"), ("POST", "sign-in/connect"), ("GET", "sign-in/callback")),
        ("POST", "sign-in/backchannel-logout"),
    )
}
"""How one signs in and out: before anybody has a role. They are tested with sign-in."""
SIGN_IN_STATUS: Final = {
    **{route: 403 for route in SIGN_IN if route.startswith("POST")},  # a form without the `Origin` of the pages
    "GET /sign-in": 200,
    "GET /sign-out": 200,
    "GET /sign-in/provider": 403,  # an address without TLS, where no cookie is set
    "GET /sign-in/callback": 404,  # no provider is configured
    "POST /sign-in/backchannel-logout": 404,
}
"""What a request without cookies gets, with any token or none."""
ABOUT_PRODUCT = {
    f"GET /v1/{path}"
    for path in (
        *("decisions/{key}", "features/{key}", "products/{key}", "products/{key}/report", "releases/{key}"),
        *(
            "goals/{key}",
            "imports/{key}",
            "evidence/{key}",
            "assumptions/{key}",
            *("meetings/{key}", "meetings/{key}/minutes", "tasks/{key}"),
            "subjects/{subject}",
            "subjects/{subject}/history",
            "subjects/{subject}/graph",
        ),
        *("subjects/{subject}/accountability", "log/entries/{position}"),
        *("decisions/{key}/authority", "decisions/{key}/options", "products/{key}/deciders"),
    )
}
"""Asked about one's own product; for others the subject does not exist."""
ADMIN_ROUTES = {
    *("POST /v1/people/{key}/names", "DELETE /v1/people/{key}/names"),
    *("POST /v1/sign-in-links", "GET /v1/tokens", "POST /v1/tokens", "DELETE /v1/tokens/{key}"),
    *("GET /v1/accounts", "POST /v1/accounts", "POST /v1/accounts/disconnect"),
}
ABOUT_PRODUCT |= {"GET /v1/decisions/{key}/review"}
PAGES_ABOUT_PRODUCT |= {"GET /decisions/{key}/review"}
_CHANGING: Final = {command.__name__ for command in COMMAND_PATHS if not command.creates}
COMMAND_ROUTES: Final = {f"POST /v1{path}": command.__name__ for command, path in COMMAND_PATHS.items()}
NEEDED: Final[dict[str, Need | None]] = {
    **{route: Need(0, "open") for route in OPEN},
    **{route: Need(0, "any") for route in SIGNED_IN},
    **{route: Need(1, "any") for route in LISTS},
    **{route: Need(1, "any") for route in PAGES},
    **{route: Need(1) for route in (*ABOUT_PRODUCT, *PAGES_ABOUT_PRODUCT)},
    **{route: Need(3) for route in FORMS},
    "POST /succession/{key}": Need(3, "any"),
    "POST /meetings/{key}/write-up": Need(2),
    **{
        f"GET {path}": Need(AUDIT, "all")
        for path in ("/v1/access-journal", "/access-journal", "/v1/activity", "/activity")
    },
    "POST /account": Need(1, "any"),
    **{route: Need(4, "any") for route in ROLE_PAGES},
    **{route: Need(4, "all") for route in ADMIN_PAGES | ADMIN_FORMS},
    **{route: Need(4, "all") for route in ADMIN_ROUTES},
    **{route: NEEDS.get(command) for route, command in COMMAND_ROUTES.items()},
    "POST /v1/commands": Need(3),
    "POST /v1/bulk": Need(3),
}

PATHS: Final = {
    "decisions": {"key": "own"},
    "features": {"key": "own"},
    "products": {"key": "own"},
    "releases": {"key": "own"},
    "goals": {"key": "own"},
    "evidence": {"key": "own"},
    "assumptions": {"key": "own"},
    "meetings": {"key": "own"},
    "tasks": {"key": "own"},
    "imports": {"key": "own"},
    "people": {"key": "somebody"},
    "succession": {"key": "somebody"},
    "teams": {"key": "somebody"},
    "subjects": {"subject": "decision:own"},
    "roles": {"holder": "person:somebody"},
    "tokens": {"key": "none"},
    "log": {"position": "{position}"},
    "audit": {"position": "{position}"},
    "reports": {"key": "own"},
    "do": {"name": "SetVision"},
    "static": {"name": load_static_files()["app.css"].address.rpartition("/")[2]},
    "sessions": {"key": "none"},
}
QUERIES: Final = {
    "GET /do/{name}": {"subject": "product:own"},
    "GET /search": {"text": PEARL},
    "GET /similar": {"title": f"Polish the {PEARL}"},
    "GET /reports/{key}": {"since": "2020-01-01"},
    "GET /v1/changes": {"since": "2020-01-01"},
    "GET /v1/search": {"text": PEARL},
    "GET /v1/fields/count": {"group": "subject"},
    "GET /v1/fields/history/count": {"group": "subject"},
    "GET /v1/accountability": {"who": "person:somebody"},
    "GET /v1/succession": {"who": "person:somebody", "to": "person:somebody"},
    "GET /v1/products/{key}/report": {"since": "2020-01-01"},
}
BODIES: Final[dict[str, Any]] = {
    "POST /v1/commands": {"type": "SetVision", "subject": "product:own", "vision": "V."},
    "POST /v1/bulk": {
        "transactions": [{"commands": [{"type": "SetVision", "subject": "product:own", "vision": "V."}]}]
    },
    "POST /v1/people/{key}/names": {"name": "Somebody"},
    "POST /v1/tokens": {"holder": "person:somebody"},
    "POST /v1/sign-in-links": {"person": "person:somebody"},
    "POST /v1/accounts": {"person": "person:somebody", "issuer": "https://login.example.org", "account": "1"},
    "POST /v1/accounts/disconnect": {"issuer": "https://login.example.org", "account": "none"},
    "POST /do/{name}": {"subject": "product:own", "vision": "V."},
    "POST /reports/{key}": {
        "since": "2020-01-01T00:00:00Z",
        "until": "2020-02-01T00:00:00Z",
        "position": "1",
        "sha256": "0" * 64,
        "confirmed": "yes",
    },
    "POST /demo": {"confirmed": "yes"},
    "POST /account": {"others": "yes"},
    "POST /succession/{key}": {"to": "team:somebody", "confirmed": "yes"},
    "POST /meetings/{key}/write-up": {"attendees": "Somebody", "held_on": "2020-01-01", "notes": "N."},
    "POST /record": {
        "title": "T",
        "decision": "D.",
        "why": "W.",
        "accountable": "person:somebody",
        "products": "product:own",
    },
    "POST /admin/grant-role": {"holder": "person:somebody", "role": "viewer"},
    "POST /admin/revoke-role": {"holder": "person:somebody", "role": "viewer"},
    "POST /admin/create-token": {"holder": "person:somebody", "scopes": "read"},
    "POST /admin/create-sign-in-link": {"holder": "person:somebody"},
    "POST /admin/end-sessions": {"holder": "person:somebody"},
}


JUDGED: Final[dict[str, Need]] = {route: need for route, need in NEEDED.items() if need is not None}


def served(service: LocalService) -> list[str]:
    return [f"{method} {route.path}" for route in service.app.routes for method in route.methods - {"HEAD"}]  # type: ignore[attr-defined]


class World:
    """A log with an own and another product, and a caller for each role, product and state of a token."""

    def __init__(self, service: LocalService, *, limited: bool) -> None:
        self.service = service
        self.setup = service.client
        for commands in content():
            self.send(*commands)
        self.callers = {
            (role, where): self._caller(role, where) for role in LEVELS for where in ("own", "other", "all")
        }
        self.without_role = self._token("nobody")[1]
        self.nobody: dict[str, AppClient] = {
            "anonymous": service.client_of(None),
            "unknown": service.client_of("dlog_x"),
        }
        self.nobody["revoked"], self.nobody["departed"] = (
            self._client_with_revoked_token(),
            self._client_of_person_who_left(),
        )
        self.nobody["expired"] = self._client_with_expired_token()
        self.spare_token = self._token("spare")[0]
        service.log.default_role = None
        service.log.limits_reading = limited
        self.position = service.log.state("decision:own").position
        service.runner.wait_for(service.log.head().size, 10)

    def send(self, *commands: dict[str, Any]) -> None:
        response = self.setup.post("/v1/commands", json={"commands": commands})
        assert response.status_code in (200, 201), response.text

    def _token(self, key: str, role: str | None = None, product: str | None = None) -> tuple[str, AppClient]:
        self.send({"type": "RegisterPerson", "key": key, "name": key})
        holder = f"person:{key}"
        token, secret = self.service.log.tokens.create(
            holder,
            scopes=SCOPES,
            role=role,
            product=product,
            by=self.service.caller(),  # type: ignore[arg-type]
        )
        return token, self.service.client_of(secret)

    def _caller(self, role: str, where: str) -> AppClient:
        return self._token(f"{role}-{where}", role, None if where == "all" else f"product:{where}")[1]

    def _client_with_revoked_token(self) -> AppClient:
        token, client = self._token("revoked", "admin")
        self.service.log.tokens.revoke(token, by=self.service.caller())
        return client

    def _client_with_expired_token(self) -> AppClient:
        self.send({"type": "RegisterPerson", "key": "expired", "name": "expired"})
        until = self.service.clock() + 1_000_000
        tokens, by = self.service.log.tokens, self.service.caller()
        _, secret = tokens.create("person:expired", scopes=SCOPES, role="admin", expires_at=until, by=by)
        client = self.service.client_of(secret)
        assert client.get("/v1/me").status_code == 200
        self.service.clock.now = until  # type: ignore[attr-defined]
        return client

    def _client_of_person_who_left(self) -> AppClient:
        client = self._token("departed", "admin")[1]
        self.send({"type": "RecordPersonLeft", "subject": "person:departed"})
        return client

    def ask(self, client: AppClient, route: str) -> Any:
        """Send a request that would be answered if it is allowed, and that changes nothing where it can be avoided."""
        method, path = route.split(" ")
        part = path.removeprefix("/v1").strip("/").partition("/")[0]
        command = COMMAND_ROUTES.get(route)
        names = dict(PATHS.get(part, {}))
        if command in ("AssignOwnership", "ImportChanges"):
            names["subject"] = "feature:own"
        url = re.sub(r"\{(\w+)\}", lambda found: names[found[1]].format(position=self.position), path)
        body = command_fields(command) if command else BODIES.get(route, {})
        if path == "/admin/revoke-token":
            url, body = f"{url}?token={self.spare_token}" if method == "GET" else url, {"token": self.spare_token}
        headers = {} if command is None or EXAMPLES[command]["type"] not in _CHANGING else {"If-Match": '"999"'}
        form = {"data": body} if route in FORMS else {"json": body}
        more = form if method == "POST" else {}
        return client.request(method, url, params=QUERIES.get(route), headers=headers, follow_redirects=False, **more)

    def outcome(self, client: AppClient, route: str) -> str:
        """Whether a request is allowed, refused, or about something that does not exist for the caller."""
        answer = self.ask(client, route)
        status = answer.status_code
        if route == "POST /v1/bulk" and (refused := answer.json()["results"][0].get("refused")):
            status = refused["status"]
        if route in FORMS and status == 422:
            status = 403 if "need the role" in answer.text else 404 if "o product" in answer.text else 422
        if route in ADMIN_FORMS and "the role viewer for" in answer.text:
            status = 409  # nothing changes
        outcomes = {403: "refused", 404: "hidden", **dict.fromkeys((200, 201, 303, 409, 412), "allowed")}
        return outcomes.get(status, f"{status}: {answer.text[:200]}")


@pytest.fixture(params=[pytest.param(True, id="own"), pytest.param(False, id="all", marks=pytest.mark.slow)])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    with LocalService(tmp_path) as service:
        yield World(service, limited=request.param)


def test_every_route_has_a_row(service: LocalService) -> None:
    """The table names exactly the routes that are served, and every command."""
    assert {*NEEDED, *SIGN_IN} == set(served(service))
    assert not [route for route, need in NEEDED.items() if need is None]


def _list_boundary(need: Need) -> set[tuple[str, str]]:
    """Return the callers between whom a route divides: the lowest role that is enough, and the one below it."""
    lowest, below = BOUNDARIES[need.level]
    return {(lowest, "own"), (lowest, "other"), (lowest, "all"), (below, "all")}


def test_expected_equals_actual_at_the_boundary(world: World) -> None:
    """The lowest role may do on its own, another and all products what the table says, and the role below it may not."""
    _check(world, {route: _list_boundary(need) for route, need in JUDGED.items()})


@pytest.mark.slow
def test_expected_equals_actual(world: World) -> None:
    """Each role may do on its own, another and all products what the table says; what is hidden does not exist."""
    _check(world, {route: set(world.callers) for route in JUDGED})


def _check(world: World, callers: dict[str, set[tuple[str, str]]]) -> None:
    """Compare what the callers of each route get with the table."""
    limited = world.service.log.limits_reading
    wrong: dict[str, str] = {}
    for route, some in callers.items():
        need = NEEDED[route]
        for role, where in sorted(some):
            client = world.callers[role, where]
            expected = expected_outcome(need, role, where, limited=limited)
            actual = world.outcome(client, route)
            is_gone = (actual, expected) == ("hidden", "allowed") and route.startswith(
                ("DELETE", "POST /v1/accounts/disconnect")
            )
            if actual != expected and not is_gone:
                wrong[f"{route} {role} {where}"] = f"{actual}, not {expected}"
    assert not wrong, "\n".join(f"{key}: {value}" for key, value in wrong.items())


def test_every_caller_reaches_the_routes_of_sign_in(world: World) -> None:
    """Signing in and out answers callers of every kind alike, whatever is wrong with their token, and never as a 5xx."""
    clients = {**world.nobody, "without a role": world.without_role, "admin": world.callers["admin", "all"]}
    answers = {
        route: {name: world.ask(client, route).status_code for name, client in clients.items()} for route in SIGN_IN
    }
    assert answers == {route: dict.fromkeys(clients, status) for route, status in SIGN_IN_STATUS.items()}


def test_without_a_role_or_a_valid_token_nothing_is_answered(world: World) -> None:
    """Without a role everything but one's identity is refused; without a valid token one is sent away, or to sign-in."""
    for route in JUDGED:
        need = NEEDED[route]
        is_open, is_identity = need.where == "open", route in SIGNED_IN
        outcome = world.outcome(world.without_role, route)
        assert (outcome == "allowed") == (is_open or is_identity), (route, outcome)
        assert outcome in ("allowed", "refused", "hidden"), (route, outcome)
        for state, client in world.nobody.items():
            answer = world.ask(client, route)
            is_page = route in PAGES | PAGES_ABOUT_PRODUCT
            assert answer.status_code == (200 if is_open else 303 if is_page else 401), (route, state, answer.text)


@pytest.mark.parametrize("format_", ["json", "csv", "html"])
def test_no_answer_holds_a_word_of_a_hidden_product(tmp_path: Path, format_: str) -> None:
    """A reader of another product gets no title, text, key or count of the own one, from any route in any format."""
    accept = {"json": "application/json", "csv": "text/csv", "html": "text/html"}[format_]
    with LocalService(tmp_path) as service:
        world = World(service, limited=True)
        stranger, reader = world.callers["viewer", "other"], world.callers["viewer", "own"]
        seen = 0
        for client in (stranger, reader):
            client.headers["Accept"] = accept
        for route in JUDGED:
            if not route.startswith("GET") or route in OPEN or (format_ == "html") == route.startswith("GET /v1/"):
                continue
            hidden, shown = world.ask(stranger, route), world.ask(reader, route)
            asked = QUERIES.get(route, {}).values()
            words = {PEARL, "decision:own", "feature:own", "release:own", "goal:own", "import:own"}
            for word in words - {part for value in asked for part in str(value).split()}:
                assert hidden.status_code == 404 or word not in hidden.text, (route, word, hidden.text[:2000])
            seen += PEARL in shown.text
        assert seen > 10
