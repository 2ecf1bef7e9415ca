"""The commands as people write them: their options, their help, and which module does the work.

They import what they need when they are called, so that `--help` does not wait for a sandbox or a database.
"""

from __future__ import annotations
