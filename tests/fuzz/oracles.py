"""What must hold after any command on any files, however odd: each fault is named by a line."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attnaudit.report.registry import find
from tests.fuzz.program import GROWTH, INTERRUPTED, SECONDS, Ended

EPSILON = 1e-6  # beyond a range: figures are rounded to nine digits, sums of them are not
PARTIAL = re.compile(r"\.partial(\.old\d+)?$")
_ORDER = re.compile(r"^(::|##\[)", re.MULTILINE)


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def faults(
    ended: Ended, folder: Path, before: Mapping[str, str], line: tuple[str, ...]
) -> Iterator[str]:
    """What is wrong with how a command ended, and with what it has left."""
    yield from _faults_of_the_end(ended)
    yield from _faults_of_the_text(ended, line)
    yield from _faults_of_the_files(ended, folder, before)


def _faults_of_the_end(ended: Ended) -> Iterator[str]:
    if ended.escaped is not None:
        last = ended.escaped.strip().splitlines()[-1]
        yield f"slow: {last}" if "Overtime" in last else f"escaped: {last}"
    if ended.code not in (0, 1, 2, INTERRUPTED):
        yield f"exit code {ended.code}"
    if "internal error" in ended.err:
        yield next(line for line in ended.err.splitlines() if "internal error" in line)[:300]
    traced = "Traceback (most recent" in ended.err + ended.out
    if traced:  # which -v asks for, and where there is one, nobody has foreseen the error
        yield f"internal error, traced: {(ended.err or ended.out).strip().splitlines()[-1][:200]}"
    if ended.code == 2 and not ended.escaped and not traced:
        errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        if len(errors) != 1:
            yield f"exit code 2 with {len(errors)} lines that say why"
        elif len(errors[0]) > 4000:
            yield f"a line of {len(errors[0])} characters says why"
    if ended.seconds > SECONDS and not ended.escaped:
        yield f"slow: {ended.seconds:.1f} s"
    if ended.grown > GROWTH:
        yield f"large: {ended.grown >> 20} MB"
    yield from (f"warning: {text.splitlines()[0][:200]}" for text in ended.warned[:1] if text)


def _faults_of_the_text(ended: Ended, line: tuple[str, ...]) -> Iterator[str]:
    form = line[line.index("--format") + 1] if "--format" in line else None
    for name, text in (("stdout", ended.out), ("stderr", ended.err)):
        markup = form is not None and name == "stdout"  # which may hold what moves no terminal
        odd = {c for c in text if not c.isprintable() and c != "\n" and _acts(c, markup)}
        if odd:
            yield f"{name} holds the control character {min(odd)!a}"
        if form != "github" and _ORDER.search(text):
            yield f"{name} holds a line that begins with a workflow command"


def _acts(character: str, markup: bool) -> bool:
    """Whether a character that cannot be printed is more than a space."""
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cs") if markup else kind != "Zs"


def _faults_of_the_files(ended: Ended, folder: Path, before: Mapping[str, str]) -> Iterator[str]:
    after = digests(folder)
    for name, digest in before.items():
        if PARTIAL.search(name) or name in WRITTEN:
            continue
        if after.get(name) != digest:
            yield f"the input {name} was changed"
    made = [name for name in after if name not in before or name in WRITTEN]
    for name in made:
        if ".tmp" in name:
            yield "a temporary file is left"
        elif ended.code == 2 and name not in before and name in WRITTEN:
            yield f"exit code 2, and {name} is there"
        elif name in WRITTEN and after[name] != before.get(name):
            yield from _faults_of_a_file(folder / name)


WRITTEN = ("made.json", "made.jsonl", "made.html", "made.md", "made.xml")


def _faults_of_a_file(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    if not data:
        yield f"{path.name} is empty"
    elif path.suffix == ".json":
        yield from faults_of_a_report(data.decode("utf-8", "replace"))
    elif path.suffix == ".jsonl":
        lines = data.split(b"\n")
        if lines[-1] != b"" or "count" not in json.loads(lines[-2]):
            yield f"{path.name} is half-written"
    elif path.suffix == ".html" and not data.rstrip().endswith(b"</html>"):
        yield f"{path.name} is half-written"


class _ConstantError(ValueError):
    """NaN or Infinity in JSON."""


def _refuse(constant: str) -> None:
    raise _ConstantError(constant)


def faults_of_a_report(text: str) -> Iterator[str]:
    """What is wrong with a report as JSON: what is no JSON, and figures outside their range."""
    try:
        report = json.loads(text, parse_constant=_refuse)
    except _ConstantError as error:
        yield f"{error} in JSON"
        return
    except ValueError as error:
        yield f"the report is not JSON ({error})"
        return
    for name, metric in report["metrics"].items():
        yield from faults_of_a_metric(name, metric)
    for name, finding in report["findings"].items():
        interval = finding.get("interval")
        if interval and not (interval[0] <= interval[1] + EPSILON):
            yield f"the interval of the finding {name} is upside down"


def faults_of_a_metric(name: str, metric: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one figure of a report."""
    spec = find(name)
    if spec is None:
        yield f"the report holds the unknown metric {name[:80]}"
        return
    low, high = spec.range
    for key in ("value", "ci_low", "ci_high"):
        value = metric.get(key)
        if value is None:
            continue
        if not math.isfinite(value):
            yield f"{spec.pattern} {key} is not finite"
        elif (low is not None and value < low - EPSILON) or (
            high is not None and value > high + EPSILON
        ):
            yield f"{spec.pattern} {key} lies outside its range"
    ends = metric.get("ci_low"), metric.get("ci_high")
    if None not in ends and ends[0] > ends[1] + EPSILON:
        yield f"{spec.pattern}: its interval is upside down"
    if metric["value"] is None and not metric.get("reason"):
        yield f"{spec.pattern} is missing without a reason"
