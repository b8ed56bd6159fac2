"""`python -m attnaudit`, the same as the command `attnaudit`."""

from __future__ import annotations

import os
import sys

# Python puts the working folder before everything else, so that a file there, such as torch.py,
# would take the place of a library. The command `attnaudit` does without it, and so does this.
if not getattr(sys.flags, "safe_path", sys.flags.isolated) and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - pathlib would be looked for there
    del sys.path[0]

from attnaudit.cli.main import main

main()
