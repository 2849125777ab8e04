"""Every shape of an answer, for those that look one up by its name: the OpenAPI document and the routes."""

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
