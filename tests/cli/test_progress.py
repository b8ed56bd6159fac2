from __future__ import annotations

import pytest

from attnaudit.cli.progress import Display


def test_remarks_go_to_stderr_as_they_are(capsys):
    Display(quiet=False).say("half [bold] of it: 3 texts\x1b[2J " + "long " * 40)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "half [bold] of it: 3 texts\\x1b[2J " + "long " * 40 + "\n"


def test_quiet_makes_no_remark(capsys):
    Display(quiet=True).say("a remark")
    assert capsys.readouterr() == ("", "")


def test_no_bar_where_nobody_watches(capsys):
    with Display(quiet=False).task("count", 3) as task:
        task.advance(2, "half way")
        task.advance()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_bar_on_a_terminal_that_vanishes(capsys, monkeypatch, quiet):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with Display(quiet=quiet).task("count", 3, done=1) as task:
        task.advance(1, "loss 0.5")
    out, err = capsys.readouterr()
    assert out == ""
    assert ("count" in err) is not quiet
    assert ("2/3" in err and "loss 0.5" in err) is not quiet
