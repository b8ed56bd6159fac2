from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from attnaudit.errors import InputError, OutputError
from attnaudit.execution.files import (
    atomic,
    check_folder,
    check_regular,
    check_writable,
    sha256_file,
    write_text,
)


def test_write_text_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("something much longer")
    write_text(path, "é\n")
    assert path.read_bytes() == b"\xc3\xa9\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_keeps_the_old_file_and_leaves_no_litter(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic(path, "wb") as stream:  # noqa: PT012
        stream.write(b"new")
        stream.flush()
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_changes_only_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic(path, "w") as stream:
        stream.write("x")
        stream.flush()
        assert not path.exists()
    assert path.read_text() == "x"


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(OutputError, match="No space left"), atomic(path, "w"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_is_written_to_and_never_replaced() -> None:
    with pytest.raises(OutputError, match="No space left"):
        write_text(Path("/dev/full"), "x")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    check_writable(Path("/dev/null"))
    write_text(Path("/dev/null"), "x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_link_stays_a_link_and_its_target_changes(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "real" / "a.txt")
    write_text(link, "x")
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "x"


def test_the_mode_of_an_older_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "is a folder"),
        ("missing/a.txt", "the folder does not exist"),
        ("file/a.txt", "the folder does not exist"),
        ("a" * 300, "cannot be written"),
    ],
)
def test_hopeless_outputs_are_told_at_once(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / name
    for attempt in (lambda: check_writable(path), lambda: write_text(path, "x")):
        with pytest.raises(OutputError, match=message) as caught:
            attempt()
        assert str(path) in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_folder_that_takes_no_files() -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable(Path("/proc/report.json"))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anything")
def test_a_write_protected_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("kept")
    path.chmod(0o444)
    with pytest.raises(OutputError, match="write-protected"):
        check_writable(path)


def test_check_writable_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    path.write_text("old")
    check_writable(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_sha256_of_more_than_one_chunk(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    content = os.urandom(1024) * 2048
    path.write_bytes(content)
    assert sha256_file(path) == hashlib.sha256(content).hexdigest()


def test_sha256_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        sha256_file(tmp_path / "none")


def test_a_folder_that_could_be_written_to_is_not_made(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/in", "file/in/it"])
def test_a_file_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OutputError, match="file: is a file, but a folder is needed"):
        check_folder(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anything")
def test_a_write_protected_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o555)
    with pytest.raises(OutputError, match="write-protected"):
        check_folder(tmp_path / "a" / "b")


def test_a_link_out_of_its_folder_is_not_written_through(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.txt", tmp_path / "work"
    outside.write_text("kept")
    folder.mkdir()
    for name, target in (("there", outside), ("not yet", tmp_path / "new.txt")):
        link = folder / name
        link.symlink_to(target)
        for attempt in (
            lambda link=link: check_writable(link),
            lambda link=link: write_text(link, "x"),
        ):
            with pytest.raises(
                OutputError, match=r"is a link to .*, outside its folder; give that file itself"
            ):
                attempt()
        assert link.is_symlink()
    assert outside.read_text() == "kept"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outside.txt", "work"]


def test_a_folder_that_is_a_link_is_the_users_own_choice(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link" / "a.txt", "x")
    assert (tmp_path / "real" / "a.txt").read_text() == "x"


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with contextlib.suppress(OutputError):
        write_text(tmp_path / "a", "x")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "through")
    assert os.read(reader, 99) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with pytest.raises(OutputError, match="is a pipe or a device; name a file"):
        check_regular(pipe)


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_standard_output_can_be_named_wherever_it_leads(tmp_path: Path) -> None:
    code = "from pathlib import Path\nfrom attnaudit.execution.files import write_text\n"
    code += "print('before', flush=True)\nwrite_text(Path('/dev/stdout'), 'named')\n"
    with (tmp_path / "out.txt").open("ab") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out.txt").read_text() == "before\nnamed"
    piped = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert piped.stdout == b"before\nnamed"


@pytest.mark.parametrize("fails", ["fsync", "write"])
def test_a_disk_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def broken(*args: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if fails == "fsync":
        monkeypatch.setattr(os, "fsync", broken)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(OutputError, match=r"a\.json: cannot be written \((Input|File too)"):
            write_text(path, "x" * (1 << 17))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
