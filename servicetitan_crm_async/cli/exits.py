"""What the exit codes mean."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    DIFFERS = 1
    """An audit found that the mirror differs from the service, and it was not repaired."""
    USAGE = 2
    """An option or a setting is wrong; nothing was sent."""
    REFUSED = 3
    """The service refused the credentials, or what was asked for with them."""
    FAILED = 4
    """The service or the network failed. Of a mirror: some entity failed and the others are kept, or the
    destination failed or another run has it."""
    NOT_FOUND = 5
    """There is no such record, or no such path."""
    NOT_ACCEPTED = 6
    """The service refuses what was sent, or the record does not allow it; nothing was changed."""
    UNSURE = 7
    """The answer to a change was lost: it may have taken effect, so look before it is sent again."""
    BUG = 70
    """Something nobody expected; `--debug` shows where."""
    INTERRUPTED = 130
    """SIGINT, which is Ctrl-C; what had landed is kept."""
    READER_GONE = 141
    """Whoever read the output closed it, as `head` does."""
    TERMINATED = 143
    """SIGTERM; what had landed is kept."""


EXIT_CODES = """\
Exit codes:

- 0: done; for an audit, equal or repaired; for a sync with --every, stopped
- 1: an audit found that the mirror differs
- 2: an option or a setting is wrong; nothing was sent
- 3: the service refused the credentials, or they lack a scope
- 4: the service or the network failed; of a mirror some entity failed (the others are kept), or the
  destination did, or another run has it
- 5: there is no such record
- 6: the service refused what was sent; nothing was changed
- 7: the answer to a change was lost, and it may have taken effect
- 70: something nobody expected; --debug shows where
- 130: stopped by Ctrl-C, 143: by SIGTERM; what had landed is kept
"""
"""For `--help`."""
