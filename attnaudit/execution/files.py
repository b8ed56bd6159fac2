"""Files written whole or not at all, and the fingerprints of files read."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

from attnaudit.errors import InputError, OutputError

_CHUNK = 1 << 20  # bytes


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; raises InputError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    return digest.hexdigest()


def sha256_path(path: Path) -> str:
    """The SHA-256 of a file or a folder; raises InputError if it cannot be read."""
    return sha256_folder(path) if path.is_dir() else sha256_file(path)


def sha256_folder(folder: Path) -> str:
    """The SHA-256 of the names and bytes of a folder's files, hidden ones and subfolders aside.

    Raises InputError if one cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        digest.update(f"{path.name} {sha256_file(path)}\n".encode())
    return digest.hexdigest()


def check_writable(path: Path) -> None:
    """Raise OutputError now if `path` could not be written later; leaves nothing behind.

    Called before long work, whose result would otherwise be lost at its end.
    """
    with output_errors(path):
        target = _destination(path)
        if not _is_stream(target):
            with _open_beside(target, "xb") as stream:
                pass
            Path(stream.name).unlink()


def check_folder(path: Path) -> None:
    """Raise OutputError now if no file could be written into the folder `path` later.

    A folder that does not exist could be made; nothing is made now.
    """
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise OutputError("is a file, but a folder is needed", where=place)
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError("is write-protected", where=place, hint="choose another folder")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, atomically; raises OutputError."""
    with atomic(path, "w") as stream:
        stream.write(text)


@contextmanager
def atomic(path: Path, mode: Literal["w", "wb"]) -> Iterator[IO[Any]]:
    """Open `path` for writing so that it changes only when the block ends without an error.

    The bytes go to a temporary file in the same folder, which then takes the place of `path`; an
    older file stays as it was until then. A link within its own folder stays a link, and the file
    that it names is replaced. A device or a pipe (`/dev/stdout`) cannot be replaced and is written
    to directly.

    Raises:
        OutputError: The folder is missing, `path` is a folder, write-protected or a link that leads
            out of its folder, or the disk is full or fails.
    """
    with output_errors(path):
        target = _destination(path)
        if _is_stream(target):
            with _open(target, "a" if mode == "w" else "ab") as stream:
                yield stream
            return
        stream = _open_beside(target, "x" if mode == "w" else "xb")
        try:
            with stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                shutil.copymode(target, stream.name)
            Path(stream.name).replace(target)
            _keep_name(target.parent)
        except BaseException:  # Ctrl-C too must leave no litter
            with suppress(OSError):
                Path(stream.name).unlink()
            raise


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors in the block into an OutputError about `path`."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(f"cannot be written ({why})", where=path) from None


def check_regular(path: Path) -> None:
    """Raise OutputError where `path` is something that cannot be written and read again at will.

    That is a pipe, a device, or a link, through which a file elsewhere would change.
    """
    if path.is_symlink():
        raise OutputError("is a link", where=path, hint="remove it, or give the file itself")
    if _is_stream(path) and not path.is_dir():
        raise OutputError("is a pipe or a device", where=path, hint="name a file")


def _keep_name(folder: Path) -> None:
    """Ask the disk to keep the new name too, as far as the system can be asked."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _destination(path: Path) -> Path:
    """Where writing to `path` ends up; raises OutputError if that is hopeless, or not what it says.

    A link that leads out of its folder could have been put there by somebody else.
    """
    if path.is_dir():
        raise OutputError("is a folder, not a file", where=path, hint="name a file in it")
    if _is_stream(path):
        return path
    target = Path(os.path.realpath(path))  # Path.resolve fails on a loop of links
    if path.is_symlink() and not target.is_relative_to(os.path.realpath(path.parent)):
        raise OutputError(
            f"is a link to {str(target)!r}, outside its folder",
            where=path,
            hint="give that file itself",
        )
    if not target.parent.is_dir():
        raise OutputError(
            "the folder does not exist", where=path, hint=f"create {str(path.parent)!r} first"
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError("is write-protected", where=path, hint="choose another name")
    return target


def _is_stream(path: Path) -> bool:
    """Whether bytes go through it: a pipe, a device, or whatever `/dev/stdout` stands for."""
    return path.exists() and (not path.is_file() or _is_of_system(path))


def _is_of_system(path: Path) -> bool:
    folder = Path(os.path.realpath(path.parent))
    return any(folder.is_relative_to(system) for system in ("/dev/fd", "/dev/pts", "/proc")) or (
        folder == Path("/dev")
    )


def _open(path: Path, mode: str) -> IO[Any]:
    if "b" in mode:
        return path.open(mode)
    return path.open(mode, encoding="utf-8", newline="\n")


def _open_beside(target: Path, mode: str) -> IO[Any]:
    # Not tempfile: its files are private to the user, and results should follow the umask.
    return _open(target.with_name(f".attnaudit-{secrets.token_hex(8)}.tmp"), mode)
