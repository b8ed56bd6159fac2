"""The digest of the code that makes records: of its bytes, and of nothing that only shows them."""

from __future__ import annotations

import pytest

import attnaudit
from attnaudit.execution.code import code_digest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of a few files in place of this one."""
    for name in ("__init__.py", "questions/permute.py", "cli/main.py", "report/text.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(attnaudit, "__file__", str(tmp_path / "__init__.py"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("__init__.py", True),
        ("questions/permute.py", True),
        ("cli/main.py", False),
        ("report/text.py", False),
        ("questions/notes.txt", False),
        ("questions/new.py", True),
    ],
)
def test_what_makes_records_matters(package, name, matters):
    before = code_digest.__wrapped__()
    assert code_digest.__wrapped__() == before
    (package / name).write_text("changed = 1\n")
    assert (code_digest.__wrapped__() != before) == matters


def test_a_file_that_moves_matters(package):
    before = code_digest.__wrapped__()
    (package / "questions/permute.py").rename(package / "questions/shuffle.py")
    assert code_digest.__wrapped__() != before
