"""What a question is, for modules that read its records: nothing here needs a model, or torch."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnaudit.config import Settings
from attnaudit.measures.summary import Summary
from attnaudit.questions.option import Switch
from attnaudit.records.metric import MetricSpec

if TYPE_CHECKING:
    from attnaudit.drawing.drawn import Drawn
    from attnaudit.questions.beside import Beside
    from attnaudit.questions.maker import Maker
    from attnaudit.records.fields import Kind


@dataclass(frozen=True)
class EvidenceRow:
    """A row of the evidence table: a metric, and what a reader must compare it with.

    `figure` names the metric for readers. `against` is the metric to compare it with, and `words`
    name that one. `short` is the header of its column where several labels of a model stand side by
    side; without one it is left out there.
    """

    figure: str
    metric: str
    words: str = ""
    against: str | None = None
    short: str = ""


@dataclass(frozen=True)
class ControlRow:
    """A row of the table of controls: what a finding must be read with.

    `control` names the control for readers, and `metric` is its figure. `compare` holds what that
    is to be compared with: words and a metric each. `meaning` is one sentence that says what the
    figure would mean.
    """

    control: str
    metric: str
    compare: tuple[tuple[str, str], ...]
    meaning: str


@dataclass(frozen=True)
class Earlier:
    """What the earlier questions of a suite have left.

    `records` holds a file by the name of its question. `models` is the folder of the checkpoints
    that were kept, whose names end in `suffix`.
    """

    records: Mapping[str, Path]
    models: Path
    suffix: str


@dataclass(frozen=True)
class Question:
    """A question with everything that readers of its records need.

    `name` stands in the records. `command` is the subcommand that asks it, alone or with others.
    `module` is the folder, where `summarise`, `make` and the rest are found when they are needed.
    `asks` is the question in plain words, `about` says how it is answered, `traps` says how its
    answers mislead, and `source` names the paper and section that it is from. `attention` says that
    records hold attention, which heatmaps show. `retrains` says that it trains models, whose
    records feed the findings, unless it `decides` none: then it has a verdict of its own in its
    tables. `of_many_rows` says that it can be asked at a site of many rows, too:
    of every row of a layer. `of_sites` says that the user may name the kind of attention to ask
    about, of a model with several kinds at the row that is read. `evidence` and `controls` are its
    rows of the tables of that name.
    `tables` are what the names of its tables begin with; by default it is the question's own name.
    `suite` holds what a suite takes, where it says nothing, in place of the defaults of the
    command. A suite asks an `optional` question only where it is told to.

    Where trained models can be kept, `keeps` is the folder for them in the output of a suite. On
    the command line the option `keep_option` names the folder. Where it is left out, they are kept
    in the folder `keeps` if that is `usual`, and else not at all.

    `switches` are options that are no settings. `choose(given)` makes the values of settings from
    those that were given, by name, switches included. It gives None where they do not ask this
    question.
    """

    name: str
    command: str
    module: str
    asks: str
    about: str
    settings: type[Settings]
    metrics: tuple[MetricSpec, ...]
    evidence: tuple[EvidenceRow, ...] = ()
    controls: tuple[ControlRow, ...] = ()
    tables: tuple[str, ...] = ()
    attention: bool = False
    retrains: bool = False
    decides: bool = True
    of_many_rows: bool = False
    of_sites: bool = False
    keeps: str | None = None
    keep_option: str = "--models"
    usual: bool = True
    switches: tuple[Switch, ...] = ()
    choose: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda given: given
    traps: str = ""
    source: str = ""
    suite: Mapping[str, Any] = field(default_factory=dict)
    optional: bool = False

    @property
    def feeds_findings(self) -> bool:
        """Whether findings rest on its records."""
        return self.retrains and self.decides

    @property
    def kind(self) -> Kind:
        """What its records must be: from a record to the class that describes it."""
        found: Kind = self._part("records").kind
        return found

    def summarise(
        self, records: Iterable[Mapping[str, Any]], settings: Settings, labels: Sequence[str]
    ) -> Summary:
        """Metrics and tables of the records alone; `labels` name the classes.

        Raises LookupError, TypeError or ValueError for records that lack what it needs.
        """
        found: Summary = self._part("summarise").summarise(records, settings, labels)
        return found

    @property
    def draws(self) -> bool:
        """Whether it has figures."""
        return self._has("figures")

    def figures(self, summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
        """Its figures; `summaries` holds what each question that was asked concludes, by name.

        Empty where the summaries lack what the figures show. Needs matplotlib.
        """
        if not self.draws:
            return []
        drawn: list[Drawn] = self._part("figures").figures(summaries, labels)
        return drawn

    @property
    def beside(self) -> Beside | None:
        """What its records put beside the attention in a heatmap; None where it has no say."""
        found: Beside | None = self._part("beside").BESIDE if self._has("beside") else None
        return found

    def owns(self, table: str) -> bool:
        """Whether the table of this name is one of its own."""
        begins = self.tables or (self.name.replace("-", "_"),)
        return any(re.match(rf"{re.escape(begin)}(?![^._])", table) for begin in begins)

    @property
    def maker(self) -> Maker:
        """What makes its records; brings torch."""
        found: Maker = self._part("make").MAKER
        return found

    def build_on(self, settings: Settings, earlier: Earlier) -> Settings:
        """The settings with what earlier questions of a suite have found.

        Raises InputError where their records cannot be read.
        """
        if not self._has("earlier"):
            return settings
        found: Settings = self._part("earlier").build_on(settings, earlier)
        return found

    def _has(self, name: str) -> bool:
        return importlib.util.find_spec(f"{self.module}.{name}") is not None

    def _part(self, name: str) -> Any:
        return importlib.import_module(f"{self.module}.{name}")
