"""The program with the toys on its lists: `python run.py LEFT_OUT ARGUMENTS ...`.

LEFT_OUT names the lists that the toys are not put on, with commas between, or is `-`. Without
ARGUMENTS several command lines come from stdin, as JSON, and what each of them says goes to stdout.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO


def main() -> None:
    left_out = sys.argv.pop(1).split(",")
    if "importance" not in left_out:  # first: names of metrics are made from the importances
        from toys.word_number import IMPORTANCE

        from attnaudit.importance import IMPORTANCES

        IMPORTANCES[IMPORTANCE.name] = IMPORTANCE
    if "reading" not in left_out:
        from toys.last_head import READING

        from attnaudit.readings import READINGS

        READINGS[READING.name] = READING
    if "question" not in left_out:
        import attnaudit.questions

        attnaudit.questions.QUESTIONS += ("toys.loud",)
    if "format" not in left_out:
        from toys.shout import FORMAT

        from attnaudit.report import formats

        formats.FORMATS += (FORMAT,)
    from attnaudit.cli.main import main as attnaudit

    if sys.argv[1:]:
        sys.argv[0] = "attnaudit"
        attnaudit()
    said = []
    for line in json.load(sys.stdin):
        sys.argv[:] = ["attnaudit", *line]
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                attnaudit()
            except SystemExit as stop:
                said.append((stop.code or 0, out.getvalue(), err.getvalue()))
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
