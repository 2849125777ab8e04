"""The examples of docs/how-to/write-a-client.md run as printed."""

import re
from pathlib import Path

import httpx2
import pytest

from cli.in_process_client import InProcessTransport
from tests.support_log import LocalService

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-client.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A server at the end of every connection."""
    with LocalService(tmp_path) as opened:
        inside, beside = InProcessTransport(opened.app), httpx2.ASGITransport(opened.app)
        monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", lambda _, request: inside.handle_request(request))
        monkeypatch.setattr(
            httpx2.AsyncHTTPTransport, "handle_async_request", lambda _, request: beside.handle_async_request(request)
        )
        yield opened
        inside.close()


def test_the_examples_run(service, capsys):
    """The examples record, read back and are refused; the first one can be run twice."""
    for example in [EXAMPLES[0], *EXAMPLES]:
        exec(compile(example.replace("dlog_...", service.token), str(PAGE), "exec"), {})

    said = capsys.readouterr().out.splitlines()
    assert len(EXAMPLES) == 2
    assert re.fullmatch(r"recorded up to \d+", said[0])
    assert said[1] == "next ['Gift cards']"
    assert any(line.endswith("DecisionRecorded.v1 Ada Lovelace") for line in said)
    assert said[-2] == "refused: no feature 'tea'"
    assert re.fullmatch(r"[1-9]\d* fields have changed", said[-1])
