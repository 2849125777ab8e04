"""Exports in the shapes that trackers give them: who changed what, when, from what to what, is what the file says."""

import json
from datetime import UTC, datetime

import pytest

from interchange.source_file import NotAHistoryError
from interchange.tracker.presets import PRESETS
from tests.interchange.tracker.real_exports import EXPORTS, REFUSED
from tests.interchange.tracker.support import Clock, open_log, run

LONG_AFTER = 1_800_000_000_000_000


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path, Clock(LONG_AFTER)) as opened:
        yield opened


def bring_in(log, path, name, data):
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    preset = PRESETS[name]
    return run(path, preset.mapping("shop"), log, expand=preset.expand)


def name_of(log, who):
    return (log.directory.name(who) or who) if isinstance(who, str) and who.startswith("person:") else who


def lines_of(log, state):
    """Each value of each field: when, the field, the source value or else the value, and on whose behalf."""
    found = []
    for field, rows in state.rows.items():
        for row in rows:
            metadata = log.entry(row.position).metadata
            value = [name_of(log, one) for one in row.value] if isinstance(row.value, list) else row.value
            who = name_of(log, metadata.on_behalf_of[-1].who) if metadata.on_behalf_of else "not known"
            when = datetime.fromtimestamp(row.valid_from / 1e6, UTC).strftime("%m-%d %H:%M")
            text = f"{when} {field} = {row.source_value if row.source_value is not None else value} by {who}"
            found += [text] if field not in ("exists", "products", "aliases") or len(rows) > 1 else []
    return sorted(found)


def described(log, report):
    """What an import has recorded, by the name of the record, and what it reports."""
    states = [log.state(one) for one in log.subjects("", 10_000) if one.startswith("feature:")]
    records = {state.value_at("aliases", LONG_AFTER)[0]: lines_of(log, state) for state in states}
    remarks = [remark.message for remark in (*report.skipped, *report.rejected, *report.contradictions)]
    return records, [*remarks, *(f"{count} x {what}" for what, count in sorted(report.left_out.items()))]


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_back_as_it_says(log, tmp_path, name):
    """Every change of the export is in the log with its time, author and value; what is not is in the report."""
    preset, data, records, remarks = EXPORTS[name]

    report = bring_in(log, tmp_path / "export", preset, data)

    assert described(log, report) == (records, remarks)


@pytest.mark.parametrize("name", REFUSED)
def test_what_names_no_record_is_refused(log, tmp_path, name):
    """Changes without the records that they are about end with a sentence, and nothing is recorded."""
    preset, data = REFUSED[name]

    with pytest.raises(NotAHistoryError, match="not an export that this command can read"):
        bring_in(log, tmp_path / "export", preset, data)
