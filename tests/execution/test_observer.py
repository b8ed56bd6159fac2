from __future__ import annotations

from attnaudit.execution.observer import Observer, Silent


def test_nobody_hears_the_silent_observer(capfd):
    observer: Observer = Silent()
    observer.say("a remark")
    with observer.task("work", 3, 1) as task:
        task.advance()
        task.advance(2, "loss 0.1")
    assert capfd.readouterr() == ("", "")
