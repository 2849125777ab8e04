"""A sabotaged server: it stores no idempotency records.

`python -m tests.faults.sabotaged_idempotency serve` is `decisionlog serve` with this mistake.
"""

from __future__ import annotations

from unittest.mock import patch

from cli.main import main

if __name__ == "__main__":
    with patch("eventlog.command_handler.idempotency_record", lambda *_: None):
        main()
