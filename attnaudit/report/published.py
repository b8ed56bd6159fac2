"""What papers print, beside what reports say: the user names the row of the paper.

The figures stand in `published.yaml`, as they are printed, each list with its place. Where a paper
counts otherwise, its figures are turned into ours, and the table says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from attnaudit.errors import InputError, did_you_mean
from attnaudit.measures.summary import Cell
from attnaudit.report.listing import listed
from attnaudit.report.schema import Report, TableData

_SCORES = {"f1": "F1 of the positive class", "accuracy": "accuracy"}
_MODELS = {"bilstm": "BiLSTM", "cnn": "CNN", "average": "Average", "bert": "BERT"}
_TWICE, _PERCENT = "2", "0.01"
_UNDER = "<"


@dataclass(frozen=True)
class Figure:
    """A figure of a paper, and where ours stands.

    `metric` names ours; or `table`, `keys` (its first cells) and `column` are its place in a table.
    `printed` is what the paper prints, with `<` before a bound; `times` that is ours, and `source`
    says where it prints it. `score`: the score of ours that the paper's is, where it is one.
    `unchecked`: not checked against the print.
    """

    printed: str
    source: str
    metric: str = ""
    table: str = ""
    keys: tuple[str, ...] = ()
    column: str = ""
    times: str = "1"
    score: str = ""
    unchecked: bool = False

    @property
    def name(self) -> str:
        """How the table of published figures calls it."""
        return self.metric or ", ".join([self.table, *self.keys, self.column])

    @property
    def ours(self) -> str:
        """What the paper prints, as we count, with the digits of the print."""
        if self.times == "1":
            return self.printed
        sign = _UNDER if self.printed.startswith(_UNDER) else ""
        turned = Decimal(self.times) * Decimal(self.printed.removeprefix(_UNDER))
        return f"{sign}{str(turned).lower()}"


@dataclass(frozen=True)
class Published:
    """A row of a paper: whose figures of which model on which data. `labels` name the classes."""

    key: str
    work: str
    of: str
    model: Mapping[str, str]
    lists: Mapping[str, Any] = field(repr=False)

    @property
    def says(self) -> str:
        """What the row is of, such as `Jain & Wallace 2019, SST, BiLSTM, additive attention`."""
        said = [self.work, self.of, _MODELS[self.model["encoder"]]]
        if "attention" in self.model:
            said.append(f"{self.model['attention']} attention")
        return ", ".join(said)

    def figures(self, labels: Sequence[str]) -> Iterator[Figure]:
        """Its figures; `labels` are the names of the classes in the report, in their order."""
        places = _content()["places"]
        for name, found in self.lists.items():
            yield from _figures(places[name], found, labels)


@cache
def _content() -> dict[str, Any]:
    import yaml

    text = resources.files("attnaudit.report").joinpath("published.yaml").read_text("utf-8")
    # The loader in C, where PyYAML has it, reads this ten times as fast.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    content: dict[str, Any] = yaml.load(text, Loader=loader)
    return content


def published_rows() -> dict[str, Published]:
    """Every row, by its key, such as `jw2019:sst` or `jw2019:sst:cnn`."""
    content = _content()
    return {
        key: Published(
            key,
            content["works"][key.partition(":")[0]],
            row["of"],
            row["model"],
            {name: found for name, found in row.items() if name in content["places"]},
        )
        for key, row in content["rows"].items()
    }


def find_published(key: str) -> Published:
    """The row of that key; raises InputError, which lists the known rows, if there is none."""
    rows = published_rows()
    if key in rows:
        return rows[key]
    near = did_you_mean(key, rows)
    meant = f"{near} " if near and near.startswith("did you mean") else ""
    raise InputError(f"--published {key!r}: no such row", hint=f"{meant}Known: {rows_in_words()}")


def rows_in_words() -> str:
    """All rows, by paper: their data, and the models that may stand behind them."""
    said = []
    for paper in _content()["works"]:
        keys = [key.split(":")[1:] for key in published_rows() if key.startswith(f"{paper}:")]
        data = list(dict.fromkeys(data for data, *_ in keys))
        models = list(dict.fromkeys(model for _, *behind in keys for model in behind))
        also = f", or {paper}:DATA:MODEL with MODEL {listed(models, 'or')}" if models else ""
        said.append(f"{paper}:DATA with DATA {listed(data, 'or')}{also}")
    return "; ".join(said)


def _figures(place: Mapping[str, Any], found: Any, labels: Sequence[str]) -> Iterator[Figure]:
    shared: dict[str, Any] = {
        "source": place["from"],
        "score": place.get("score", ""),
        "unchecked": "unchecked" in place,
    }
    if "metrics" in place:
        strength = found.get("lambda", "") if isinstance(found, dict) else ""
        doubled = repr(2 * float(strength)) if strength else ""
        printed = found["figures"] if strength else found
        for name, each in zip(place["metrics"], printed, strict=False):
            metric = name.replace("{lambda}", doubled)
            ends = [n for end, n in place.get("times", {}).items() if metric.endswith(end)]
            if strength:
                shared["source"] = f"{place['from']}, their lambda {strength}"
            yield Figure(each, **shared, metric=metric, times=ends[0] if ends else "1")
        return
    for label, of_class in zip(labels, found, strict=False):
        column = place["column"].replace("{label}", label)
        if isinstance(of_class, list):
            for row, each in zip(place["rows"], of_class, strict=True):
                if each:
                    keys = (label, row)
                    yield Figure(each, **shared, table=place["table"], keys=keys, column=column)
        else:
            keys = tuple(place["rows"])
            yield Figure(of_class, **shared, table=place["table"], keys=keys, column=column)


def published_table(row: Published, reports: Mapping[str, Report]) -> TableData:
    """The paper's figures beside those of the `reports`, a column each by name.

    Raises InputError where no report has any of them.
    """
    first = next(iter(reports.values()))
    rows: list[list[Cell]] = []
    used: list[Figure] = []
    left_out = 0
    for figure in row.figures(_labels(first)):
        ours = [_span(report, figure) for report in reports.values()]
        if all(span[0] is None for span in ours):
            left_out += 1
            continue
        used.append(figure)
        printed = figure.printed if figure.times != "1" else ""
        source = f"{figure.source}, not checked" if figure.unchecked else figure.source
        rows.append(
            [figure.name, *(c for span in ours for c in span), figure.ours, printed, source]
        )
    if not rows:
        raise InputError(
            f"--published {row.key}: the report has none of its figures",
            hint="give the records of the commands that run the paper's tests",
        )
    columns = ["figure", *(column for name in reports for column in (name, "low", "high"))]
    converted = any(figure.times != "1" for figure in used)
    columns += ["published", "as printed", "from"]
    if not converted:
        rows = [[*cells[:-2], cells[-1]] for cells in rows]
        columns.remove("as printed")
    return TableData(
        title=f"Next to published figures: {row.says}",
        columns=columns,
        rows=rows,
        notes=list(_notes(row, reports, used, left_out)),
    )


def with_published(report: Report, row: Published, reports: Mapping[str, Report]) -> Report:
    """The report with the table of published figures behind its first table."""
    made = published_table(row, reports)
    first, *others = report.tables or {"": made}
    tables = {name: report.tables[name] for name in (first,) if name in report.tables}
    tables["published"] = made
    tables |= {name: report.tables[name] for name in others if name != "published"}
    return report.model_copy(update={"tables": tables})


def _labels(report: Report) -> list[str]:
    found = (report.model.model_extra or {}).get("labels")
    return [str(label) for label in found] if isinstance(found, list) else []


def _span(report: Report, figure: Figure) -> tuple[Cell, Cell, Cell]:
    """Our figure with its interval; three times None where the report has none."""
    if figure.metric:
        found = report.metrics.get(figure.metric)
        return (None, None, None) if found is None else (found.value, found.ci_low, found.ci_high)
    table = report.tables.get(figure.table)
    if table is not None and figure.column in table.columns:
        i = table.columns.index(figure.column)
        for cells in table.rows:
            if tuple(cells[: len(figure.keys)]) == figure.keys:
                return cells[i], None, None
    return None, None, None


def _notes(
    row: Published, reports: Mapping[str, Report], used: Sequence[Figure], left_out: int
) -> Iterator[str]:
    yield (
        f"You chose the row {row.key}. Nothing checks that your data and your training are "
        "those of the paper."
    )
    for name, report in reports.items():
        recipe = (report.model.model_extra or {}).get("recipe")
        if isinstance(recipe, dict):
            other = [
                f"{key} is {recipe[key]}, not {theirs}"
                for key, theirs in row.model.items()
                if recipe.get(key, theirs) != theirs
            ]
            if other:
                yield f"The model of {name} differs from the paper's: its {', '.join(other)}."
        for theirs in dict.fromkeys(figure.score for figure in used if _by_settings(figure)):
            scores = {score for score in _scores(report) if score != theirs}
            if scores:
                yield (
                    f"The scores of {name} are {', '.join(sorted(scores))}. The paper's scores "
                    f"are the {_SCORES[theirs]}: run with --score {theirs} to compare."
                )
    if any(figure.table for figure in used):
        labels = _labels(next(iter(reports.values())))
        said = ", ".join(f"{k} is {label}" for k, label in enumerate(labels))
        yield f"The paper numbers its classes. Yours were taken in their order: {said}."
    if any(figure.times == _PERCENT for figure in used):
        yield "The paper prints percentages, and `published` is the share of 1."
    if any(figure.times == _TWICE for figure in used):
        yield (
            "The authors' code halves TVD for two classes, so `published` is twice what they "
            "print. Our lambda is twice theirs for the same reason."
        )
    if any("result files" in figure.source for figure in used):
        yield "Result files are files in the authors' repository."
    if any(figure.unchecked for figure in used):
        yield "Not checked: quoted from other works, and not compared with the printed paper."
    yield "Published figures are shown as they are printed, without intervals."
    if left_out:
        yield (
            f"{left_out} more published figures are left out, because this report has no such "
            "figures."
        )


def _by_settings(figure: Figure) -> bool:
    """Whether it is a score that the settings of ours choose, and not one that its name gives."""
    return bool(figure.score) and not figure.metric.endswith(f".{figure.score}")


def _scores(report: Report) -> Iterator[str]:
    """By which scores the questions of the report judge models."""
    for settings in (report.settings, *report.settings.values()):
        if isinstance(settings, dict) and isinstance(score := settings.get("score"), str):
            yield score
