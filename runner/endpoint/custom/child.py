"""`python -m runner.endpoint.custom.child`: one training in a process of its own, which the endpoint may kill.

The training comes as a line of JSON on stdin, the outcome goes to stdout as JSON. It ends with its stdin: an endpoint
that is gone leaves no training behind.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import msgspec

from runner.endpoint.custom.task import Training, carry_out

__all__ = ["main"]


def main() -> None:
    """Carry out the training on stdin."""
    for ignored in (signal.SIGINT, signal.SIGHUP):  # a terminal's signals are the parent's to understand
        signal.signal(ignored, signal.SIG_IGN)
    training = msgspec.json.decode(sys.stdin.buffer.readline(), type=Training)
    threading.Thread(target=_until_eof, daemon=True).start()
    outcome = msgspec.json.encode(carry_out(training))
    sys.stdout.buffer.write(outcome)
    sys.stdout.buffer.flush()


def _until_eof() -> None:
    while os.read(0, 4096):  # not through the buffer, whose lock the interpreter needs at its end
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
