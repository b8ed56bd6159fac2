"""Faults of the machine, in this process where that can be: clocks, disks, memory, links, bombs."""

from __future__ import annotations

import datetime as days
import gzip
import json
import os
import resource
import signal
import sys
import tracemalloc

import pytest

from attnaudit.cli import progress
from attnaudit.cli.main import main
from attnaudit.records.manifest import collect
from attnaudit.running.work import Work

PERMUTE = ("--permutations", "2", "--limit", "8", "--batch-tokens", "60")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the program in this process, in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["attnaudit", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def permute(run, tiny):
    """Shuffle the weights of the tiny model."""
    return lambda *args: run("permute", tiny / "model.pt", tiny / "data.yaml", *PERMUTE, *args)


def clean(code, out, err, *says):
    """Whether it ended with 2 and one line that says what is wrong."""
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "internal error" not in err
    for needle in says:
        assert needle in err


def lines(path):
    return path.read_bytes().splitlines()[1:-1]  # the header holds times


# A clock that jumps


@pytest.fixture
def clock(monkeypatch):
    """Make every look at the clock move it by so many hours."""

    def set_by(hours):
        now = [days.datetime(2026, 3, 29, 3, tzinfo=days.timezone.utc)]

        class Jumping(days.datetime):
            @classmethod
            def now(cls, zone=None):
                now[0] += days.timedelta(hours=hours)
                return now[0].astimezone(zone)

        for name, module in list(sys.modules.items()):
            if name.startswith("attnaudit.") and getattr(module, "datetime", None) is days.datetime:
                monkeypatch.setattr(module, "datetime", Jumping)
        monkeypatch.setattr("time.time", lambda: now[0].timestamp())

    return set_by


@pytest.mark.parametrize("hours", [-1, -10_000, 1, 100_000])
def test_a_clock_that_jumps_makes_no_run_end_before_it_began(permute, clock, tmp_path, hours):
    permute("--records", "steady.jsonl")
    clock(hours)
    code, _, _ = permute("--records", "r.jsonl", "-o", "r.json")
    assert code == 0
    assert lines(tmp_path / "r.jsonl") == lines(tmp_path / "steady.jsonl")
    told = json.loads((tmp_path / "r.json").read_text())["manifest"]
    assert told["started"] <= told["finished"]


def test_a_manifest_ends_no_earlier_than_it_began(manifest):
    later = days.datetime(2026, 1, 2, tzinfo=days.timezone.utc)
    made = collect([], {}, [], later, later - days.timedelta(hours=1), "cpu", "float32", 1, {})
    assert made.started == made.finished == "2026-01-02T00:00:00Z"


# Memory that runs out


def test_memory_that_runs_out_is_one_line_and_what_was_made_is_kept(permute, monkeypatch, tmp_path):
    permute("--records", "whole.jsonl")
    perform, left = Work.perform, [2]

    def hungry(self, task, observer):
        left[0] -= 1
        if left[0] < 0:
            raise MemoryError
        return perform(self, task, observer)

    with monkeypatch.context() as patch:
        patch.setattr(Work, "perform", hungry)
        clean(*permute("--records", "r.jsonl"), "memory")
    assert (tmp_path / "r.jsonl.partial").exists()
    assert permute("--records", "r.jsonl", "--resume")[0] == 0
    assert lines(tmp_path / "r.jsonl") == lines(tmp_path / "whole.jsonl")


def test_torch_says_it_in_its_own_way(permute, monkeypatch):
    said = (
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"
    )

    def hungry(self, task, observer):
        raise RuntimeError(f"{said}: you tried to allocate 34359738368 bytes.")

    monkeypatch.setattr(Work, "perform", hungry)
    clean(*permute(), "memory")


# Disks that are full, and writes that never reach them


def test_a_disk_that_is_full_is_one_line_and_the_run_goes_on_when_it_is_not(permute, tmp_path):
    permute("--records", "whole.jsonl")
    size = (tmp_path / "whole.jsonl").stat().st_size
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size * 7 // 10, hard))
    try:
        ended = permute("--records", "r.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    clean(*ended, "r.jsonl.partial: cannot be written")
    assert permute("--records", "r.jsonl", "--resume")[0] == 0
    assert lines(tmp_path / "r.jsonl") == lines(tmp_path / "whole.jsonl")


def test_a_full_device(permute, run, tmp_path):
    permute("-o", "r.json")
    clean(*run("report", "r.json", "-o", "/dev/full"), "/dev/full: cannot be written")


@pytest.mark.parametrize("lost", [1, 2, 30, 200, 1000])
def test_records_that_lost_their_end_are_refused(permute, run, tmp_path, lost):
    """As after a power cut on a disk that promises more than it has done."""
    permute("--records", "r.jsonl")
    path = tmp_path / "r.jsonl"
    path.write_bytes(path.read_bytes()[:-lost])
    clean(*run("report", "r.jsonl"), "r.jsonl")


# Within a line it makes no difference where it ends, and 200 bytes are more than a line.
@pytest.mark.parametrize(
    "lost",
    [0, 1, 200, 100_000, *(pytest.param(lost, marks=pytest.mark.whole) for lost in (2, 30, 1000))],
)
def test_a_partial_file_that_lost_its_end_is_gone_on_with(permute, monkeypatch, tmp_path, lost):
    permute("--records", "whole.jsonl")
    left, advance = [3], progress.Silent.advance

    def press(self, steps=1, info=""):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        advance(self, steps, info)

    with monkeypatch.context() as patch:
        patch.setattr(progress.Silent, "advance", press)
        assert permute("--records", "r.jsonl")[0] == 130
    partial = tmp_path / "r.jsonl.partial"
    partial.write_bytes(partial.read_bytes()[: -lost or None])
    assert permute("--records", "r.jsonl", "--resume")[0] == 0
    assert lines(tmp_path / "r.jsonl") == lines(tmp_path / "whole.jsonl")


# Links in place of files


def test_a_link_in_place_of_an_output_is_followed_inside_its_folder_alone(permute, tmp_path):
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere")
    elsewhere.mkdir()
    (tmp_path / "near.json").symlink_to("real.json")
    (tmp_path / "out.json").symlink_to(elsewhere / "out.json")
    (tmp_path / "r.jsonl").symlink_to("real.jsonl")
    assert permute("-o", "near.json")[0] == 0
    assert (tmp_path / "near.json").is_symlink()
    assert (tmp_path / "real.json").stat().st_size > 100
    clean(*permute("-o", "out.json"), "out.json: is a link")
    clean(*permute("--records", "r.jsonl"), "r.jsonl: is a link")
    assert not list(elsewhere.iterdir())


def test_links_that_lead_nowhere(permute, tmp_path):
    (tmp_path / "far").symlink_to("missing/file")
    clean(*permute("-o", "far"), "far: the folder does not exist")
    clean(*permute("--records", "far"), "far: the folder does not exist")
    (tmp_path / "loop").symlink_to("loop")
    assert permute("-o", "loop")[0] == 0  # it points at nothing that could be lost
    assert json.loads((tmp_path / "loop").read_text())["audit"] == "permute"


@pytest.mark.parametrize("content", [b"", b"dear diary", b"dear diary,\nI have\n"])
def test_a_link_in_place_of_a_partial_file_does_not_reach_what_it_points_at(
    permute, tmp_path, content
):
    """Records are written where the run was told to, and nowhere else."""
    (tmp_path / "diary").write_bytes(content)
    (tmp_path / "r.jsonl.partial").symlink_to("diary")
    clean(*permute("--records", "r.jsonl"), "r.jsonl.partial", "is a link")
    assert (tmp_path / "diary").read_bytes() == content
    (tmp_path / "r.jsonl.partial").unlink()
    (tmp_path / "r.jsonl.partial").symlink_to("new")
    clean(*permute("--records", "r.jsonl", "--resume"), "r.jsonl.partial", "is a link")
    assert not (tmp_path / "new").exists()


# Bombs


BOMB = 64 << 20  # bytes


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """Small .gz files that unpack to 64 MB: one line of zeros, of spaces, or of numbers."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, block in (
        ("line", bytes(1 << 20)),
        ("spaces", b" " * (1 << 20)),
        ("numbers", b" 0.1" * (1 << 18)),
    ):
        with gzip.open(folder / f"{name}.vec.gz", "wb", compresslevel=1) as file:
            file.write(b"the")
            for _ in range(BOMB >> 20):
                file.write(block)
    return folder


@pytest.mark.parametrize("name", ["line", "spaces", "numbers"])
def test_a_bomb_of_word_vectors_fills_no_memory(run, bombs, tiny_yaml, tmp_path, name):
    (tmp_path / "c.yaml").write_text(tiny_yaml)
    tracemalloc.start()
    try:
        ended = run("train", "c.yaml", "--vectors", bombs / f"{name}.vec.gz", "-o", "out", "-q")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    clean(*ended, f"{name}.vec.gz")
    assert most < BOMB // 4


# Odd data


def test_three_hundred_labels(run, tmp_path):
    rows = [
        {"text": f"word{n % 300} and word{n % 7} and word{n % 11}", "label": f"label {n % 300}"}
        for n in range(900)
    ]
    for split, some in (("train", rows), ("dev", rows[:300]), ("test", rows[300:340])):
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in some))
    (tmp_path / "d.yaml").write_text("train: train.jsonl\ndev: dev.jsonl\ntest: test.jsonl\n")
    (tmp_path / "c.yaml").write_text(
        "data: d.yaml\nmodel: {encoder: average, embedding: 4, hidden: 4}\n"
        "training: {epochs: 1, learning_rate: 0.01, seed: 0}\n"
    )
    assert run("data", "check", "d.yaml")[0] == 0
    assert run("train", "c.yaml", "-o", "m")[0] == 0
    few = ("m/model.pt", "d.yaml", "--limit", "6")
    for command in (
        ("permute", *few, "--permutations", "3"),
        ("correlate", *few, "--measure", "gradient", "--measure", "leave_one_out"),
        ("erase", *few, "--measure", "gradient"),
    ):
        code, _, err = run(*command, "-o", "r.json")
        assert code == 0, err
        report = json.loads((tmp_path / "r.json").read_text(), parse_constant=pytest.fail)
        assert report["metrics"]


def test_one_class(run, tiny, tiny_yaml, tmp_path):
    rows = [{"text": f"a good film {n}", "label": "positive"} for n in range(12)]
    (tmp_path / "one.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    clean(*run("data", "check", "one.jsonl"), "needs at least two labels")
    (tmp_path / "d.yaml").write_text("train: one.jsonl\ndev: one.jsonl\ntest: one.jsonl\n")
    (tmp_path / "c.yaml").write_text(
        tiny_yaml.replace(tiny_yaml.split("model:")[0], "data: d.yaml\n")
    )
    clean(*run("train", "c.yaml", "-o", "m"), "label")
    code, _, err = run("correlate", tiny / "model.pt", "one.jsonl", "-o", "r.json")
    assert code == 0, err
    report = json.loads((tmp_path / "r.json").read_text(), parse_constant=pytest.fail)
    for name, metric in report["metrics"].items():
        assert metric["value"] is not None or metric["reason"], name


# Workers


def gobble(much):
    """Take more memory than the process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (much, resource.getrlimit(resource.RLIMIT_AS)[1]))
    return len(bytearray(8 * much))


def fall(_):
    """End as the system's out-of-memory killer ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def answer(what):
    return what


@pytest.mark.whole  # ten seconds
@pytest.mark.slow
def test_a_worker_without_memory_is_no_end_of_the_others():
    from attnaudit.execution.processes import Processes
    from attnaudit.execution.units import Unit, WorkerDiedError

    engine = Processes(1)
    try:
        for function, error in ((gobble, MemoryError), (fall, WorkerDiedError)):
            (found,) = engine.outcomes(function, iter([Unit("a", 1 << 30)]))
            assert isinstance(found[1], error)
            assert [w for _, w in engine.outcomes(answer, iter([Unit("b", 3)]))] in (
                [3],
                [found[1]],
            )
        assert [w for _, w in engine.outcomes(answer, iter([Unit("c", 4)]))] == [4]
    finally:
        engine.close()
