"""What the page shows below its summary: one plain question a section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from attnaudit.drawing.drawn import Drawn
from attnaudit.questions import all_questions
from attnaudit.questions.question import Question
from attnaudit.report.combine import COMBINED, Combined
from attnaudit.report.comparison import COMPARED
from attnaudit.report.controls_table import spelt_out
from attnaudit.report.labels import LABELS
from attnaudit.report.layout import cut
from attnaudit.report.schema import Report, TableData

# What the tables answer that belong to no question.
_ASKED = {
    "evidence": "What did each test measure?",
    "controls": "What must these figures be compared with?",
    "baseline": "What has changed since the baseline?",
    "published": "What did the papers print?",
    COMPARED: "What did each test measure in each report?",
    LABELS: "What did the tests measure for each label?",
}


@dataclass
class Section:
    """What the page shows of one question, which a `command` asks, or of something else.

    `about` says how it is answered, `traps` how its answers mislead, and `source` where it is from.
    """

    anchor: str
    title: str
    command: str = ""
    about: str = ""
    traps: str = ""
    source: str = ""
    figures: Sequence[Drawn] = ()
    tables: list[TableData] = field(default_factory=list)
    details: list[TableData] = field(default_factory=list)

    def add(self, table: TableData) -> None:
        """A table more."""
        (self.details if table.detail else self.tables).append(cut(table))


def figures_of(made: Combined) -> tuple[dict[str, list[Drawn]], list[str]]:
    """The figures of each question, and a remark for each that lacks what its figures show."""
    summaries, labels = made.summaries, made.labels
    asked = [question for question in all_questions() if question.name in summaries]
    figures = {question.name: question.figures(summaries, labels) for question in asked}
    remarks = [
        f"The records of {question.name} do not contain what its figures show."
        for question in asked
        if question.draws and not figures[question.name]
    ]
    return figures, remarks


def sections(report: Report, figures: Mapping[str, list[Drawn]]) -> list[Section]:
    """A section a question, in the order of the list of questions; figures go with their question.

    Other tables stand before them, under the first part of their name or under the report's own.
    """
    found: dict[str, Section] = {}
    others: dict[str, Section] = {}

    def of(question: Question) -> Section:
        made = Section(
            f"question-{question.name}",
            question.asks,
            question.command,
            " ".join(question.about.split()),
            question.traps,
            question.source,
            figures.get(question.name, ()),
        )
        return found.setdefault(question.name, made)

    for name, table in spelt_out(report.tables).items():
        owner = next((question for question in all_questions() if question.owns(name)), None)
        if owner is not None:
            of(owner).add(table)
        else:
            stem = name.partition(".")[0]
            own = report.audit != COMBINED and stem not in _ASKED
            title = report.audit if own else stem
            asks = _ASKED.get(title, title.replace("_", " ").capitalize())
            # What a file calls itself never names a place in the page.
            anchor = f"tables-{stem}" if stem in _ASKED else f"tables-{len(others)}"
            others.setdefault(title, Section(anchor, asks)).add(table)
    for question in all_questions():
        if figures.get(question.name):
            of(question)
    asked = (found[question.name] for question in all_questions() if question.name in found)
    return [*others.values(), *asked]
