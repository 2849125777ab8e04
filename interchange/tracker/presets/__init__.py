"""Presets: how Jira, GitHub, GitLab, Linear, OpenProject, Redmine, Trello and Azure DevOps export their histories.

Each turns the rows of its exports into lines with one set of columns, which one mapping reads. A list of records (a CSV
of issues) says what a record is now: its history begins when the record was created, and goes on with every import.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from interchange.tracker.entries import Expand
from interchange.tracker.mapping import Mapping as TrackerMapping
from interchange.tracker.mapping import parse_mapping
from interchange.tracker.presets.azure_devops import expand_azure
from interchange.tracker.presets.github import expand_github
from interchange.tracker.presets.gitlab import expand_gitlab
from interchange.tracker.presets.jira import expand_jira
from interchange.tracker.presets.linear import expand_linear
from interchange.tracker.presets.openproject import expand_openproject
from interchange.tracker.presets.redmine import expand_redmine
from interchange.tracker.presets.shared_mapping import MAPPING_TABLE
from interchange.tracker.presets.trello import expand_trello


@dataclass(frozen=True, slots=True)
class Preset:
    """A system whose exports are read without a mapping. `command` is how its history is exported."""

    name: str
    title: str
    command: str
    expand: Expand

    def mapping(
        self,
        product: str,
        *,
        system: str | None = None,
        title: str | None = None,
        zone: str | None = None,
        formats: Sequence[str] = (),
    ) -> TrackerMapping:
        """Return the mapping for a product. `formats` are those of its dates, such as `DD/MM/YYYY`.

        Raises:
            MappingError: the system, the title, the zone or a format is invalid.
        """
        head = f"system = {_quote(system or self.name)}\n"
        table = f"[product]\nkey = {_quote(product)}\ntitle = {_quote(title or product)}\n[time]\n"
        table += f"zone = {_quote(zone)}\n" if zone else ""
        table += f"formats = {_quote(list(formats))}\n"
        top, bracket, rest = MAPPING_TABLE.partition("[columns]")
        return parse_mapping(head + top + table + bracket + rest)


def _quote(value: str | list[str]) -> str:
    """Return a value in TOML, whose strings in double quotes are those of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset(
            "jira",
            "Jira",
            "curl -u USER:TOKEN 'https://SITE.atlassian.net/rest/api/3/search/jql?jql=project=SHOP&fields=*all&expand=changelog' > jira.json",
            expand_jira,
        ),
        Preset(
            "github",
            "GitHub",
            "gh api --paginate repos/OWNER/REPO/issues/events --jq '.[]' > github.jsonl",
            expand_github,
        ),
        Preset(
            "gitlab",
            "GitLab",
            "glab api --paginate projects/ID/issues > gitlab.json",
            expand_gitlab,
        ),
        Preset("linear", "Linear", "Settings > Administration > Import/Export > Export CSV", expand_linear),
        Preset(
            "openproject",
            "OpenProject",
            "curl -u apikey:KEY https://HOST/api/v3/work_packages/ID/activities > openproject.json",
            expand_openproject,
        ),
        Preset(
            "redmine",
            "Redmine",
            "curl -H 'X-Redmine-API-Key: KEY' 'https://HOST/issues/ID.json?include=journals' >> redmine.jsonl",
            expand_redmine,
        ),
        Preset("trello", "Trello", "Board menu > Print, export, and share > Export as JSON", expand_trello),
        Preset(
            "azure-devops",
            "Azure DevOps",
            "curl -u :TOKEN https://dev.azure.com/ORG/PROJECT/_apis/wit/workItems/ID/updates?api-version=7.1 >> azure.jsonl",
            expand_azure,
        ),
    )
}
