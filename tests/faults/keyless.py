"""The sabotaged twin of the server: it keeps no answer under any key.

`python -m tests.faults.keyless serve` is `decisionlog serve` with this mistake.
"""

from __future__ import annotations

from cli.main import main
from eventlog.command_handler import CommandHandler

if __name__ == "__main__":
    CommandHandler._idempotency_record = lambda *_: None  # type: ignore[method-assign]
    main()
