"""What names a Hugging Face model: a folder, or an id of the hub with a revision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attnaudit.errors import ModelError
from attnaudit.models.transformer.guard import no_kernels
from attnaudit.models.transformer.hub import check_weights, fetch
from attnaudit.models.transformer.quiet import quiet_loading


@dataclass(frozen=True)
class Reference:
    """A folder, or a model of the hub at its revision: a branch, a tag or a commit.

    `snapshot` is the folder of the cache that a model of the hub stands in, once it is there.
    """

    name: str
    revision: str | None = None
    snapshot: Path | None = None

    @property
    def local(self) -> bool:
        """Whether it is a folder of the user's."""
        return Path(self.name).is_dir()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        if self.snapshot is not None:
            return self.snapshot
        return Path(self.name)

    @property
    def options(self) -> dict[str, Any]:
        """What every loader of transformers is told."""
        return {"local_files_only": True, "trust_remote_code": False}

    def fetched(self) -> Reference:
        """The same, with its files at hand and its commit as the revision; raises ModelError."""
        if self.local or self.snapshot is not None:
            return self
        snapshot = fetch(self.name, self.revision)
        return replace(self, revision=snapshot.name, snapshot=snapshot)

    def require_safetensors(self) -> None:
        """Raise ModelError where there are no weights in safetensors."""
        names = [path.name for path in self.folder.iterdir()]
        check_weights(names, self.name)


@contextmanager
def explained(reference: Reference, what: str) -> Iterator[None]:
    """Turns what transformers raises into one line that says `what`; quiet while it loads."""
    try:
        with quiet_loading(), no_kernels():
            yield
    except ModelError:
        raise
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise ModelError(
                "needs code of its repository, which attnaudit never runs",
                where=reference.name,
                hint="audit a model that transformers itself knows, or wrap it as"
                " package.module:factory",
            ) from error
        raise ModelError(f"{what} ({brief(error)})", where=reference.name) from error


def brief(error: Exception) -> str:
    """The first line of what an error says, with its kind where that says more."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind = type(error).__name__
    if not lines:
        return kind
    said = lines[0].rstrip(".")
    return said if isinstance(error, (OSError, ValueError)) else f"{kind}: {said}"
