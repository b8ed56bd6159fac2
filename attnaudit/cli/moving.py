"""What `attnaudit report --interactive FILE` writes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.errors import InputError

if TYPE_CHECKING:
    from attnaudit.report.combine import Combined

TEXTS = 5  # of the page, where --show does not say


def write_interactive(made: Combined, files: Sequence[Path], path: Path, quiet: bool) -> None:
    """Write the page on which a reader moves the attention of the texts of the gallery.

    Raises InputError where the `files` hold no words, or what `movables` raises.
    """
    from attnaudit.cli.progress import Display
    from attnaudit.execution.files import write_text
    from attnaudit.report.interactive.page import interactive_page
    from attnaudit.running.moving import movables

    headers = [part.header for part in made.parts if part.header is not None]
    if not headers or made.gallery is None or not made.gallery.heatmaps:
        raise InputError(
            "--interactive needs records that contain both attention and words",
            where=next(iter(files), None),
            hint="run the audit with --text and --records, and give those records",
        )
    content = movables(headers[0], made.gallery, Display(quiet))
    write_text(path, interactive_page(made.report, content, made.labels))
    if not quiet:
        sys.stderr.write(f"Wrote {path}\n")
