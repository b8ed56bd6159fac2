"""Which room may know of which: the arrows of the design point one way."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from attnaudit.execution.observer import Silent
from attnaudit.questions import all_questions, find_question
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.report.formats import FORMATS
from attnaudit.report.schema import dumps
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions

ROOT = Path(__file__).parent.parent
# What each room of the package may import from the others; those in COMMON are for all.
ARROWS = {
    "api": {
        *("data", "drawing", "execution", "findings", "models", "questions", "records", "report"),
        "running",
    },
    "cli": {
        "calibration",
        "data",
        "execution",
        "explanations",
        "findings",
        "importance",
        "models",
        "questions",
        "readings",
        "records",
        "report",
        "running",
    },
    "calibration": {
        *("data", "execution", "findings", "models", "questions", "records", "running"),
    },
    "explanations": {"findings", "importance", "questions", "readings", "records", "report"},
    "running": {
        *("data", "execution", "findings", "importance", "measures", "models", "questions"),
        *("records", "report"),
    },
    "report": {
        *("drawing", "execution", "explanations", "findings", "measures", "questions"),
        *("readings", "records"),
    },
    "findings": {"measures", "questions", "records"},
    "questions": {
        *("data", "drawing", "execution", "importance", "measures", "models", "readings"),
        "records",
    },
    "records": {"execution", "importance", "readings"},  # of the last two the names alone
    "readings": {"data", "models"},
    "importance": {"data", "execution", "models", "readings"},  # of readings the names alone
    "models": {"data", "execution", "measures"},
    "data": {"measures"},
    "drawing": {"measures"},
    "measures": set(),
    "execution": set(),
}
COMMON = {"config", "errors", "inputs", "wording", "yaml_reader", "yaml_writer"}
QUESTIONS_SHARED = [
    ROOT / "attnaudit" / "questions" / f"{name}.py"
    for name in (
        *("answers", "erasure", "people", "plausibility", "recording", "reliance", "settling"),
        *("shorter_texts", "variants"),
    )
]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_knows_only_those_below_it(room):
    files = list((ROOT / "attnaudit" / room).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "attnaudit" and len(parts) > 1:
                assert parts[1] in {room, *COMMON, *ARROWS[room]}, f"{path} imports {name}"


def test_reports_take_the_texts_of_explanations_alone():
    """Explanations speak of what reports hold; the texts that pages quote do not."""
    package = ROOT / "attnaudit"
    taken = {
        name
        for path in (package / "report").rglob("*.py")
        for name in imported(path)
        if name.startswith("attnaudit.explanations")
    }
    assert taken
    while True:
        files = [ROOT / (name.replace(".", "/") + ".py") for name in taken]
        files = [path if path.is_file() else path.with_suffix("") / "__init__.py" for path in files]
        named = {name for path in files for name in imported(path)}
        assert not [name for name in named if name.startswith("attnaudit.report")]
        more = {name for name in named if name.startswith("attnaudit.explanations")} - taken
        if not more:
            return
        taken |= more


READERS = re.compile(r"attnaudit\.questions\.\w+\.(summarise|tables|\w+_tables|figures|metrics)\b")


def test_makers_never_import_readers():
    found = (ROOT / "attnaudit" / "questions").rglob("make*")
    makers = [*(path for path in found if path.suffix != ".pyc"), *QUESTIONS_SHARED]
    files = [f for path in makers for f in ([path] if path.suffix else path.rglob("*.py"))]
    assert len(files) > 20
    for path in files:
        assert not [name for name in imported(path) if READERS.match(name)], path


def test_every_room_is_known():
    rooms = {path.parent.name for path in (ROOT / "attnaudit").glob("*/__init__.py")}
    assert rooms == ARROWS.keys()


# What makes records, which alone may bring torch: besides these whatever is called `make`.
MAKERS = {
    *("answers", "kept_models", "maker", "reliance", "settling", "recording", "variants"),
    *("erasure", "people", "plausibility", "shorter_texts"),
    *("model_adversary.store", "model_adversary.warm", "probe.views", "seed_baseline.asked"),
}
READING_ROOMS = ("drawing", "findings", "measures", "questions", "records", "report")
BLOCKING = """
import importlib, json, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if any(f"{name}.".startswith(f"{blocked}.") for blocked in BLOCKED):
            raise AssertionError(f"{name} is imported")

BLOCKED = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Blocker())
"""


def readers() -> Iterator[str]:
    """Every module that reads records, or what is made of them."""
    for room in READING_ROOMS:
        for path in sorted((ROOT / "attnaudit" / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            maker = {"make", "cost"} & set(parts) or ".".join(parts[2:]) in MAKERS
            if not maker:
                yield ".".join(parts).removesuffix(".__init__")


def python(code: str, blocked: Sequence[str], *arguments: str, cwd: Path = ROOT) -> str:
    """What a fresh process prints that cannot import what is `blocked`."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKING + code, json.dumps(blocked), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAVY = ("torch", "transformers", "tokenizers")
NUMBERS = ("numpy", "scipy")


def test_readers_need_no_torch():
    code = "for name in sys.argv[2:]: importlib.import_module(name)"
    python(code, [*HEAVY, "attnaudit.models", "attnaudit.running"], *readers())


def test_what_is_said_of_questions_formats_and_findings_needs_no_numbers():
    code = """
from attnaudit.questions import all_questions
from attnaudit.report.formats import FORMATS
from attnaudit.findings.desiderata import FINDINGS
print(len(all_questions()), len(FORMATS), len(FINDINGS))
"""
    assert python(code, [*HEAVY, *NUMBERS, "matplotlib", "rich"]).split() == ["14", "10", "4"]


def test_the_package_itself_brings_nothing():
    """Names of the interface are looked up when they are used."""
    code = """
before = set(sys.modules)
import attnaudit
print(attnaudit.__version__, "audit" in dir(attnaudit), "audit" in attnaudit.__all__)
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""
    outside = [*HEAVY, *NUMBERS, "pandas", "pydantic", "yaml", "attnaudit.errors", "attnaudit.api"]
    version, brought = python(code, outside).splitlines()
    assert version.split()[1:] == ["True", "True"]
    assert set(brought.split()) <= {"attnaudit", *sys.stdlib_module_names}


def test_reading_through_the_interface_needs_no_torch(made):
    code = """
import attnaudit
print(len(attnaudit.read_records("r.jsonl")), repr(attnaudit.read_report("r.jsonl")))
"""
    shown = python(code, [*HEAVY, "attnaudit.models", "attnaudit.running"], cwd=made)
    assert shown.startswith("20 <Audit of ")


REPORT = """
from attnaudit.cli.main import main
sys.argv = ["attnaudit", "report", *sys.argv[2:]]
main()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny):
    """Records that hold words, and the report of them as JSON."""
    folder = tmp_path_factory.mktemp("made")
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", records=folder / "r.jsonl", limit=20)
    settings = CorrelateSettings(measures=("gradient", "leave_one_out"), text=True)
    report = run_questions([(find_question("correlate"), settings)], job, None, Silent())
    (folder / "r.json").write_text(dumps(report))
    return folder


ASK = """
from attnaudit.cli.main import main
given = sys.argv[2:]
for command in ("permute", "adversary"):
    sys.argv = ["attnaudit", command, *given]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, command
"""
# Each takes from half a second to two seconds to import.
SELDOM = ("scipy.optimize", "scipy.stats", "torch._dynamo", "sympy", "matplotlib", "jinja2")


def test_questions_about_a_classic_model_bring_no_more_than_they_need(tiny):
    """A checkpoint is no model of transformers, and two classes need no linear programme."""
    blocked = ["transformers", "tokenizers", *SELDOM, "attnaudit.running.planning"]
    shown = python(ASK, blocked, str(tiny / "model.pt"), str(tiny / "data.yaml"), "--json")
    assert '"audit": "permute"' in shown
    assert '"audit": "adversary"' in shown


EVERY = """
from attnaudit.cli.main import main
for form in sys.argv[2:]:
    print()
    print("format", form, flush=True)
    asked = ["--show", "2", "--policy", "policy.yaml"]
    sys.argv = ["attnaudit", "report", "r.jsonl", "--format", form, *asked]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, form
"""


def test_reports_in_every_format_need_no_torch(made):
    (made / "policy.yaml").write_text("gates: [{id: a, metric: model.accuracy, min: 0.01}]")
    names = [form.name for form in FORMATS]
    shown = python(EVERY, HEAVY, *names, cwd=made)
    parts = re.split(r"^format (\w[\w-]*)\n", shown, flags=re.MULTILINE)[1:]
    assert parts[::2] == names
    assert all(part.strip() for part in parts[1::2])


def test_a_report_that_is_shown_again_needs_no_numbers(made):
    shown = python(REPORT, [*HEAVY, *NUMBERS], "r.json", "--json", cwd=made)
    assert shown == (made / "r.json").read_text()


def test_reports_name_no_question():
    """Not in code, that is: what is said of a question is asked of it."""
    names = {name for question in all_questions() for name in (question.name, question.command)}
    names.discard("heads")  # models have them, too: of the question only its metrics can be named
    named = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b|heads\.[a-z]+\.")
    for path in (ROOT / "attnaudit" / "report").rglob("*.py"):
        found = named.findall(_code(path))
        assert not found, path


def _code(path: Path) -> str:
    """A module without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.unparse(tree)
