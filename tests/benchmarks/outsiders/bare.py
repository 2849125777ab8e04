"""A bare FastAPI route: the body is validated, the answer has a position, and nothing is stored.

It is the yardstick of every ratio. No rule, sign-in, event or proof is in it, so no decision log can be as fast.
"""

from __future__ import annotations

from itertools import count
from typing import Annotated

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, StringConstraints

Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class Decision(BaseModel):
    key: Line
    title: Line
    decision: Text
    why: Text
    accountable: Line


class Recorded(BaseModel):
    position: int
    subject: str


app = FastAPI()
positions = count(1)


@app.post("/decisions", status_code=201)
async def record(decision: Decision) -> Recorded:
    return Recorded(position=next(positions), subject=f"decision:{decision.key}")


def serve(application: FastAPI) -> None:
    """Serve on a free port, as our own server does: one process, no access log, the same collector settings."""
    import gc
    import os

    from cli.bootstrap import freeze_gc
    from cli.main import GC_THRESHOLDS

    freeze_gc()
    gc.set_threshold(*GC_THRESHOLDS)
    uvicorn.run(application, port=int(os.environ["PORT"]), log_level="warning", access_log=False, server_header=False)


if __name__ == "__main__":
    serve(app)
