from __future__ import annotations

import pytest

from attnaudit.cli.progress import Display, Speed


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


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Display(quiet=False)


def titles(display):
    return [] if display._shown is None else [t.description for t in display._shown.tasks]


def test_tasks_within_tasks_stand_below_them(terminal):
    with terminal.task("all", 2) as outer:
        with terminal.task("one", 3, done=1) as inner:
            inner.advance(1, "loss 1")
            with terminal.task("part", 5):
                assert titles(terminal) == ["all", "one", "part"]
        outer.advance()
        assert titles(terminal) == ["all"]
        with terminal.task("two", 3):
            assert titles(terminal) == ["all", "two"]
            assert [t.completed for t in terminal._shown.tasks] == [1, 0]
    assert titles(terminal) == []
    with terminal.task("again", 1):
        assert titles(terminal) == ["again"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_no_bar_behind(terminal, error):
    with terminal.task("all", 2):
        with pytest.raises(error), terminal.task("one", 3):
            raise error
        assert titles(terminal) == ["all"]
    with pytest.raises(error), terminal.task("all", 2), terminal.task("one", 3):
        raise error
    assert titles(terminal) == []


def test_a_task_may_be_closed_after_the_one_around_it(terminal):
    """As those of generators are, which are closed when nobody holds them any longer."""

    def steps():
        with terminal.task("one", 3):
            yield 1

    generator = steps()
    with terminal.task("all", 2):
        next(generator)
    generator.close()
    assert titles(terminal) == []


def test_remarks_go_above_a_bar(terminal, capsys):
    with terminal.task("count", 3):
        terminal.say("half [bold] of it\x1b[2J")
    out, err = capsys.readouterr()
    assert out == ""
    assert "half [bold] of it\\x1b[2J\n" in err
    # The line of the bar is cleared for the remark, and drawn again below it.
    assert err.index("count") < err.index("half [bold]") < err.rindex("count")


def test_speed_has_three_digits():
    class Running:
        finished_speed = None

        def __init__(self, speed):
            self.speed = speed

    shown = [Speed().render(Running(speed)).plain for speed in (None, 0.1234, 4.567, 1234.5)]
    assert shown == ["", "0.123/s", "4.57/s", "1,234/s"]


def test_titles_and_remarks_are_neither_markup_nor_commands(terminal, capsys):
    with terminal.task("[/] [b]\x1b]0;t\x07", 2) as outer:
        outer.advance(1, "[/x] \x1b[2J")
        with terminal.task("[/y]\r", 3):
            terminal.say("::error::z ##[error]")
    err = capsys.readouterr().err
    for shown in (r"[/] [b]\x1b]0;t\x07", r"[/x] \x1b[2J", r"[/y]\r"):
        assert shown in err
    assert r"\x3a:error::z \x23#[error]" in err
