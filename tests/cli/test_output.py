from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from attnaudit.cli.output import check_outputs, show
from attnaudit.cli.streams import steady
from attnaudit.errors import OutputError


@pytest.fixture
def stdout(monkeypatch):
    """Make a file descriptor the standard output."""
    opened = []

    def replace(descriptor):
        stream = os.fdopen(descriptor, "w")
        opened.append(stream)
        monkeypatch.setattr(sys, "stdout", stream)

    yield replace
    monkeypatch.undo()
    for stream in opened:
        stream.close()


def test_text_is_printed_as_it_is(capsys):
    show("a [bold] line\nand 50 %\n")
    assert capsys.readouterr().out == "a [bold] line\nand 50 %\n"


def test_nobody_reading_is_no_error(stdout):
    read, write = os.pipe()
    os.close(read)
    stdout(write)
    with steady():
        show("into the void\n" * 9999)
        show("and again\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_an_error(stdout):
    stdout(os.open("/dev/full", os.O_WRONLY))
    with steady(), pytest.raises(OutputError, match="standard output: cannot be written"):
        show("text\n")


def test_outputs_are_neither_inputs_nor_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data.jsonl"
    data.write_text("{}\n")
    check_outputs(tmp_path / "a", tmp_path / "b", None, Path("-"), inputs=(data, "own:model", None))
    with pytest.raises(OutputError, match="also read by this command"):
        check_outputs(Path("data.jsonl"), inputs=(data,))
    (tmp_path / "link").symlink_to(data)
    with pytest.raises(OutputError, match="also read by this command"):
        check_outputs(Path("link"), inputs=(data,))
    with pytest.raises(OutputError, match="also written by this command"):
        check_outputs(tmp_path / "a", Path("a"))
    assert data.read_text() == "{}\n"
