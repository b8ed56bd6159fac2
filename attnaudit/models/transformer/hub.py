"""Models of the Hugging Face hub as folders of the local cache: no code, no pickles."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from attnaudit.errors import ModelError
from attnaudit.models.transformer.forms import weights_error
from attnaudit.models.transformer.quiet import quiet

SAFE = ("model.safetensors", "model.safetensors.index.json")
# What a classifier is made of; weights in subfolders are other forms of the same model.
WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
TIMEOUT = 10  # seconds that the hub has for an answer


def fetch(name: str, revision: str | None) -> Path:
    """The folder of the cache that holds the model at `revision`, named after its commit.

    What is not there yet is downloaded. Where the hub cannot be reached, what is there must do.
    Raises ModelError where there is no such model, or nothing to be had of it.
    """
    try:
        found = HfApi().model_info(name, revision=revision, timeout=TIMEOUT)
    except HFValidationError as error:
        raise ModelError(
            "is neither a folder here nor the id of a model on the hub",
            where=name,
            hint="check the path",
        ) from error
    except HfHubHTTPError as error:
        raise ModelError(_refusal(error, revision), where=name, hint=_ADVICE) from error
    except Exception as error:  # whatever the library of connections raises
        return _cached(name, revision, error)
    check_weights([file.rfilename for file in found.siblings or ()], name)
    try:
        with quiet():
            folder = snapshot_download(
                name, revision=found.sha, allow_patterns=list(WANTED), ignore_patterns=["*/*"]
            )
    except Exception as error:
        raise ModelError(f"cannot be downloaded ({_brief(error)})", where=name) from error
    return Path(folder)


def check_weights(files: Collection[str], where: str | Path) -> None:
    """Raise ModelError where none of the files holds weights in safetensors."""
    if not any(name in files for name in SAFE):
        raise weights_error(files, where)


def _cached(name: str, revision: str | None, error: Exception) -> Path:
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        raise ModelError(
            "is neither a folder here nor in the cache, and the hub cannot be reached "
            f"({_brief(error)})",
            where=name,
            hint="check the path, or download the model on a machine with a network",
        ) from error


_ADVICE = "check the id and --revision; private models need `hf auth login`"


def _refusal(error: HfHubHTTPError, revision: str | None) -> str:
    if isinstance(error, GatedRepoError):
        return "is a model on the hub whose licence you must accept first"
    if isinstance(error, RepositoryNotFoundError):
        return "is neither a folder here nor a model on the hub"
    if isinstance(error, RevisionNotFoundError):
        return f"has no revision {revision!r}"
    return f"cannot be downloaded from the hub ({_brief(error)})"


def _brief(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
