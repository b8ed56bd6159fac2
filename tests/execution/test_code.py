"""The digest of the code that decides what is recorded: of its meaning, and of nothing else."""

from __future__ import annotations

import ast
import shutil
import sys
from pathlib import Path

import pytest

import attnaudit
from attnaudit.execution import code
from attnaudit.execution.code import closure, code_digest
from attnaudit.questions import QUESTIONS

PACKAGE = Path(attnaudit.__file__).parent
MORE = ("attnaudit.running.work", "attnaudit.records.lines")  # as `running.work` has it


def starts(question: str) -> tuple[str, ...]:
    return (f"attnaudit.questions.{question}.make", *MORE)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the program."""
    folder = tmp_path_factory.mktemp("copy") / "attnaudit"
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(PACKAGE, folder, ignore=ignored)


_OWN = code._read.__wrapped__
_READ: dict[tuple[Path, bytes], code._Module] = {}


def read(path: Path) -> code._Module:
    """As `code._read`, once for the same bytes."""
    key = (path, path.read_bytes())
    if key not in _READ:
        _READ[key] = _OWN(path)
    return _READ[key]


@pytest.fixture
def digest_with(copied, monkeypatch):
    """The digest of the copy in which one text stands in the place of another."""
    monkeypatch.setattr(attnaudit, "__file__", str(copied / "__init__.py"))
    monkeypatch.setattr(code, "_read", read)

    def change(question, name=None, old="", new=""):
        if name is None:
            return code_digest.__wrapped__(*starts(question))
        path = copied / name
        before = path.read_text()
        assert old in before, f"{name} does not hold {old!r}"
        path.write_text(before.replace(old, new, 1))
        try:
            return code_digest.__wrapped__(*starts(question))
        finally:
            path.write_text(before)

    return change


CHANGES = {
    "a rounding in what is recorded": (
        *("correlate", "records/rounding.py", "DIGITS = 9", "DIGITS = 8"),
        True,
    ),
    "how numbers are written": (
        *("correlate", "records/lines.py", "ensure_ascii=False", "ensure_ascii=True"),
        True,
    ),
    "a helper imported inside a function": (
        *(
            "correlate",
            "importance/gradient_passes.py",
            "torch.autograd.grad(",
            "torch.autograd.grad(*",
        ),
        True,
    ),
    "an importance's definition": (
        *("correlate", "importance/gradients.py", 'definition="', 'definition="In short: '),
        False,
    ),
    "the title of a table": (
        *("permute", "questions/permute/summarise.py", '"Answers under', '"What is said under'),
        False,
    ),
    "a metric": ("permute", "questions/permute/metrics.py", '"higher"', '"lower"', False),
    "a docstring": ("permute", "questions/permute/make.py", '"""Does the', '"""Whether the', False),
    "a comment": (
        *("permute", "questions/permute/make.py", "# The model's own", "# What the model's own"),
        False,
    ),
    "the description of a setting": (
        *("permute", "questions/permute/settings.py", 'description="', 'description="It says: '),
        False,
    ),
    "the bound of a setting": ("permute", "questions/permute/settings.py", "ge=1", "ge=2", True),
    "how a question is sold": ("permute", "questions/permute/__init__.py", '"Does', '"Will', False),
    "another question": ("permute", "questions/erase/make/deletions.py", "max(", "min(", False),
    "a shared intervention": (
        "permute",
        "questions/variants.py",
        "1 << tokens",
        "2 << tokens",
        True,
    ),
    "how models are opened": (
        "permute",
        "models/load.py",
        "def find_model(",
        "def find_model(*",
        True,
    ),
    "the list of importances": ("erase", "importance/__init__.py", "*chance.FAMILY,", "", True),
    "the command line": ("permute", "cli/ask.py", "def ", "def x", False),
    "a rule of the findings": ("seed_baseline", "findings/rules.py", "def ", "def x", False),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_decides_a_record_is_in_the_digest_and_nothing_else(digest_with, what):
    question, name, old, new, matters = CHANGES[what]
    before = digest_with(question)
    assert digest_with(question) == before
    assert (digest_with(question, name, old, new) != before) == matters


def test_a_text_that_is_computed_is_no_text(tmp_path):
    def meaning(line):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.py"
        path.write_text(line)
        return code._read(path).meaning

    assert meaning("f(unit='a')") == meaning("f(unit='b')")
    assert meaning("f(unit='a' if x else 'b')") != meaning("f(unit='b' if x else 'a')")
    assert meaning("f(unit=g(1))") != meaning("f(unit=g(2))")
    assert meaning("f(title=1)") != meaning("f(title=2)")
    assert meaning("MetricSpec('n', 'a', 'u')") == meaning("MetricSpec('n', 'b', 'v')")
    assert meaning("MetricSpec('n', 'a')") != meaning("MetricSpec('m', 'a')")
    assert meaning("x = 'a'") != meaning("x = 'b'")
    assert meaning("def f():\n    'a'\n    return 1") == meaning("def f():\n    return 1  # one")


@pytest.mark.parametrize("module", QUESTIONS)
def test_readers_decide_nothing(module):
    """No room that only reads records, and no part of a question that does."""
    found = closure(f"{module}.make", *MORE)
    rooms = {name.split(".")[1] for name in found if "." in name}
    assert not rooms & {"cli", "drawing", "explanations", "findings", "report"}
    parts = {name.rpartition(".")[2] for name in found}
    assert not parts & {"summarise", "figures", "metrics", "tables", "gallery", "heatmaps"}
    assert {"attnaudit.models.transformer.classifier", "attnaudit.data.tokenise"} <= found.keys()


def test_only_lists_and_makers_among_the_files_of_packages():
    """Others may be imported on the way to a module, and are passed by: they hold no logic."""
    found = closure(*(f"{module}.make" for module in QUESTIONS), *MORE)
    taken = {name for name, path in found.items() if path.name == "__init__.py"}
    made = {name for name in taken if name.endswith(".make")}
    assert taken - made == {
        "attnaudit.importance",
        "attnaudit.questions",
        "attnaudit.readings",
    }
    for path in PACKAGE.rglob("__init__.py"):
        name = ".".join(path.parent.relative_to(PACKAGE.parent).parts)
        if name in taken or name in QUESTIONS or name == "attnaudit":  # which decides nothing
            continue
        parents = [one for one in found if one.startswith(f"{name}.")]
        if parents:
            assert _is_plain(path), path


def _is_plain(path: Path) -> bool:
    """Whether a file holds imports, names and texts alone."""
    plain = (ast.Import, ast.ImportFrom, ast.Expr, ast.Assign, ast.AnnAssign)
    return all(isinstance(node, plain) for node in ast.parse(path.read_text()).body)


def test_a_question_from_outside_has_its_own_code(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "toys"))
    found = closure("toys.loud.make")
    assert {"toys.loud.make", "toys.loud.cost", "attnaudit.questions.answers"} <= found.keys()
    for name in [name for name in sys.modules if name.partition(".")[0] == "toys"]:
        del sys.modules[name]


@pytest.mark.parametrize("start", ["attnaudit.none", "no_such_package.make"])
def test_a_start_that_there_is_not(start):
    with pytest.raises(ValueError, match="there is no"):
        closure(start)
