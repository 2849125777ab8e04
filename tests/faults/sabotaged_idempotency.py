"""A sabotaged server: it stores no idempotency records.

`python -m tests.faults.sabotaged_idempotency serve` is `decisionlog serve` with this mistake.
"""

from __future__ import annotations

from cli.main import main
from eventlog.command_handler import CommandHandler

if __name__ == "__main__":
    CommandHandler._idempotency_record = lambda *_: None  # type: ignore[method-assign]
    main()
