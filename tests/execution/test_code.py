"""The digest of the code that makes records: of its bytes, and of nothing that only shows them."""

from __future__ import annotations

import pytest

import attnaudit
from attnaudit.execution.code import code_digest

FILES = {
    "__init__.py": "",
    "questions/permute/make.py": "from attnaudit.questions.variants import permuted\n",
    "questions/permute/summarise.py": "from attnaudit.questions.basics import Basics\n",
    "questions/erase/make/__init__.py": "",
    "questions/erase/make/deletions.py": "    from attnaudit.questions.erase.shares import BINS\n",
    "questions/erase/shares.py": "",
    "questions/variants.py": "",
    "questions/basics.py": "",
    "records/rounding.py": "",
    "cli/main.py": "",
    "report/text.py": "",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of a few files in place of this one."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(attnaudit, "__file__", str(tmp_path / "__init__.py"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("__init__.py", True),
        ("questions/permute/make.py", True),
        ("questions/permute/summarise.py", False),  # titles of tables
        ("questions/erase/make/deletions.py", True),
        ("questions/erase/shares.py", True),  # what a maker imports
        ("questions/variants.py", True),
        ("questions/basics.py", False),
        ("records/rounding.py", True),
        ("cli/main.py", False),
        ("report/text.py", False),
        ("questions/notes.txt", False),
        ("questions/new/make.py", True),
        ("models/new.py", True),
    ],
)
def test_what_makes_records_matters(package, name, matters):
    before = code_digest.__wrapped__()
    assert code_digest.__wrapped__() == before
    (package / name).parent.mkdir(exist_ok=True, parents=True)
    (package / name).write_text("changed = 1\n")
    assert (code_digest.__wrapped__() != before) == matters


def test_a_file_that_moves_matters(package):
    before = code_digest.__wrapped__()
    (package / "questions/permute").rename(package / "questions/shuffle")
    assert code_digest.__wrapped__() != before
