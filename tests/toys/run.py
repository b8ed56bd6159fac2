"""The program with the toys on its lists: `python run.py LEFT_OUT ARGUMENTS ...`.

LEFT_OUT names the lists that the toys are not put on, with commas between, or is `-`.
"""

from __future__ import annotations

import sys


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
    sys.argv[0] = "attnaudit"
    from attnaudit.cli.main import main as attnaudit

    attnaudit()


if __name__ == "__main__":
    main()
