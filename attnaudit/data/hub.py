"""Data sets of the Hugging Face hub as Parquet files of the local cache: no code, no pickles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from attnaudit.data.split_names import SPLITS, split_named
from attnaudit.errors import InputError, did_you_mean
from attnaudit.inputs import MIB, in_bytes

NAME = re.compile(r"[\w.-]+/[\w.-]+")
LARGEST = 4096 * MIB  # bytes that are downloaded
TIMEOUT = 10  # seconds that the hub has for an answer
_FILE = re.compile(r"(.+?)(?:-(\d{5})-of-\d{5}(?:-[0-9a-f]+)?)?\.parquet")
_SAVE = (
    "open it with `datasets` where you trust it, and give the folder that its `save_to_disk` leaves"
)


def is_hub_name(path: Path) -> bool:
    """Whether `path` is `owner/name` of the hub, and no file or folder, nor in a folder here."""
    name = path.as_posix()
    return not path.exists() and not path.parent.exists() and bool(NAME.fullmatch(name))


Fetched = tuple[str, dict[str, Path]]  # the commit, and a file for each split


def fetch(name: str, revision: str | None, subset: str | None, where: Path) -> Fetched:
    """The commit and the Parquet files of a data set by split; of several pieces the first.

    What is not there yet is downloaded. Where the hub cannot be reached, what is there must do.

    Args:
        name: `owner/name`.
        revision: a branch, tag or commit; None: the newest.
        subset: the folder of one of its subsets; None where there is one only.
        where: what named it, for messages.

    Raises:
        InputError: there is no such data set, or it has no Parquet files, several subsets, or more
            than `LARGEST` bytes.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not NAME.fullmatch(name):
        raise InputError(f"hub: {name!r:.80} is no owner/name of the hub", where=where)
    try:
        info = HfApi().dataset_info(name, revision=revision, timeout=TIMEOUT, files_metadata=True)
    except (HFValidationError, HfHubHTTPError) as error:
        raise InputError(
            f"{name} cannot be had from the hub ({_brief(error)})",
            where=where,
            hint="check the id and `revision`; private data sets need `hf auth login`",
        ) from None
    except Exception as error:  # whatever the library of connections raises
        return _cached(name, revision, subset, where, error)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    chosen = splits_in(sizes, subset, where)
    wanted = [file for files in chosen.values() for file in files]
    if (total := sum(sizes[file] for file in wanted)) > LARGEST:
        raise InputError(
            f"{name} has {in_bytes(total)}, more than {in_bytes(LARGEST)}",
            where=where,
            hint="make a smaller one, and give its folder",
        )
    disable_progress_bars()
    try:
        folder = snapshot_download(
            name, repo_type="dataset", revision=info.sha, allow_patterns=wanted
        )
    except Exception as error:
        raise InputError(f"{name} cannot be downloaded ({_brief(error)})", where=where) from None
    return _in_folder(Path(folder), chosen)


def splits_in(files: Iterable[str], subset: str | None, where: Path) -> dict[str, list[str]]:
    """The Parquet files of each split, `train`, `dev` and `test` under these names.

    Files are named after their split, as `push_to_hub` does: `data/train-00000-of-00001.parquet`.
    Raises InputError where there are none, or where nothing says which subset is meant.
    """
    folders: dict[str, dict[str, list[str]]] = {}
    for file in sorted(files):
        path = PurePosixPath(file)
        if found := _FILE.fullmatch(path.name):
            name = path.parent.as_posix()
            folders.setdefault(name, {}).setdefault(split_named(found[1]), []).append(file)
    folders = {name: found for name, found in folders.items() if found.keys() & set(SPLITS)}
    if not folders:
        raise InputError("has no Parquet files named after splits", where=where, hint=_SAVE)
    if subset is None and len(folders) == 1:
        subset = next(iter(folders))
    if subset not in folders:
        asked = "has several subsets" if subset is None else f"has no subset {subset!r:.60}"
        hint = did_you_mean(subset or "", sorted(folders))
        raise InputError(asked, where=where, hint=f"say `subset:` in a spec; {hint}")
    return folders[subset]


def _cached(
    name: str, revision: str | None, subset: str | None, where: Path, error: Exception
) -> Fetched:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(name, repo_type="dataset", revision=revision, local_files_only=True)
        )
    except LocalEntryNotFoundError:
        raise InputError(
            f"{name} is no file or folder here and not in the cache, and the hub cannot be reached"
            f" ({_brief(error)})",
            where=where,
            hint="check the path, or download the data set where there is a network",
        ) from None
    there = [path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")]
    return _in_folder(folder, splits_in(there, subset, where))


def _in_folder(folder: Path, chosen: Mapping[str, list[str]]) -> Fetched:
    return folder.name, {split: folder / files[0] for split, files in chosen.items()}


def _brief(error: Any) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:200]
