"""The list of formats, which everything about them is made from."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from attnaudit.cli.options import Format as Choice
from attnaudit.errors import InputError
from attnaudit.report import formats
from attnaudit.report.combine import Combined
from attnaudit.report.formats import FORMATS, find_format, format_of
from attnaudit.report.formats.format import Rendering

NAMES = [form.name for form in FORMATS]


def with_policy(report):
    """The report with the digest of the policy that its gates are of."""
    files = {**report.manifest.files, "policy.yaml": "ef" * 32}
    manifest = report.manifest.model_copy(update={"files": files})
    return report.model_copy(update={"manifest": manifest})


def test_every_module_is_listed():
    modules = {path.stem for path in Path(formats.__file__).parent.glob("*.py")}
    assert modules - {"__init__", "format"} == {name.replace("-", "_") for name in NAMES}


def test_formats_are_told_apart():
    endings = [form.ending for form in FORMATS if form.ending]
    assert len(set(endings)) == len(endings)
    assert len(set(NAMES)) == len(NAMES)
    assert [choice.value for choice in Choice] == NAMES
    assert all(form.says.endswith(".") for form in FORMATS)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_renders_a_report_without_records(report, name):
    shown = find_format(name).render(Rendering(Combined(with_policy(report))))
    assert shown.endswith("\n") or name == "html"
    assert "pass" in shown


def test_a_file_tells_its_format():
    told = {"a.TXT": "text", "a.md": "markdown", "a.xml": "junit", "a.html": "html"}
    told |= {"a.tex": "latex", "a.csv": "csv"}
    for file, name in {**told, "a.json": "json", "a": "json", ".a": "json"}.items():
        assert format_of(Path(file)).name == name
    for file in ("a.xlsx", "b.md.gz", "a.github", "a.jsonl", "a.htm"):
        with pytest.raises(InputError, match=rf"{file}: no format has the ending .*known: \.txt"):
            format_of(Path(file))


def test_what_is_not_installed_is_said_before_work(monkeypatch):
    for form in FORMATS:
        form.check()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs jinja2.*attnaudit\[html\]"):
        find_format("html").check()
