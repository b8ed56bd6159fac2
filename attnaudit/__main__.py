"""`python -m attnaudit`, the same as the command `attnaudit`."""

from __future__ import annotations

from attnaudit.cli.main import main

main()
