"""The shape of every answer of the server, written once, by noun.

The OpenAPI document, the reference pages and the Python client's types are made from these classes. The client's copy is
generated: run `python -m tools.client_answers` after a change. A key that may be missing is `NotRequired`; one that may
be null has a type that includes null.

Annotations are evaluated here (no `from __future__ import annotations`): otherwise Python 3.11 takes every key for
required.
"""

from projections.answers.access_journal import *
from projections.answers.audit import *
from projections.answers.authority import *
from projections.answers.changes import *
from projections.answers.commands import *
from projections.answers.contributions import *
from projections.answers.debt import *
from projections.answers.decisions import *
from projections.answers.evidence import *
from projections.answers.fields import *
from projections.answers.log import *
from projections.answers.meta import *
from projections.answers.outcomes import *
from projections.answers.ownership import *
from projections.answers.parts import *
from projections.answers.people import *
from projections.answers.problems import *
from projections.answers.report import *
from projections.answers.roadmap import *
from projections.answers.roles import *
from projections.answers.search import *
from projections.answers.sessions import *
from projections.answers.slips import *
from projections.answers.subjects import *
from projections.answers.tokens import *
