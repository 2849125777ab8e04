"""The cookie that holds the secret of a session."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response

from api.cross_site import site_of

NAME: Final = "decisionlog"
MAX_AGE_S: Final = 400 * 24 * 3600
"""The longest that browsers keep a cookie (RFC 6265bis); the server decides when the session ends."""


def cookie_name(request: Request, name: str = NAME) -> str:
    """Return the name of a cookie; over HTTPS with the prefix that stops other hosts from setting it (RFC 6265bis)."""
    return f"__Host-{name}" if site_of(request).is_secure else name


def read_cookie(request: Request, name: str = NAME) -> str | None:
    """Return the value of a cookie, or None."""
    return request.cookies.get(cookie_name(request, name))


def set_cookie(request: Request, response: Response, value: str, name: str = NAME, max_age_s: int = MAX_AGE_S) -> None:
    """Set a cookie that scripts cannot read and that requests caused by other sites do not carry."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=max_age_s,
        path="/",
        secure=site_of(request).is_secure,
        httponly=True,
        samesite="lax",
    )


def delete_cookie(request: Request, response: Response, name: str = NAME) -> None:
    """Delete a cookie."""
    response.delete_cookie(
        cookie_name(request, name), path="/", secure=site_of(request).is_secure, httponly=True, samesite="lax"
    )
