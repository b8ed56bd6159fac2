"""What an audit works on, and how; the settings of the audit itself are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnaudit.data.prompt import Prompt
from attnaudit.execution.budget import BATCH_TOKENS

VERIFIED = 64  # texts that are drawn at random for the check on the data
MIN_WORDS = 2  # one word has no ranking, and nothing is left when it is deleted


@dataclass(frozen=True)
class Job:
    """A model, a split of a data set, where to compute, and where records go.

    `resume` goes on from what an interrupted run has left, and refuses another run's; `reuse` takes
    whatever is there of the same run, finished records too, and overwrites the rest.
    `revision`, `device_map` and `prompt` are for Hugging Face models. `layer` names the site: every
    row of that layer, counted from 1 at the bottom; -1: the model's own. `site` is the kind of
    attention that is audited of a model with several kinds at the row that is read; None: the usual
    one. `label` is the one that is asked about, of a model that gives several labels to a text. The
    work is spread over `workers` processes of this machine, which share the `threads`, or over the
    dask `cluster` at an address, whose workers have `threads` each. Where `workers` is None, their
    number is chosen for each piece of work, and each has `threads`.
    A batch has at most `batch_tokens`, padding included; None: as many as suit the device.
    For audits that retrain, `recipe` is the training configuration, where the model brings none,
    and `models` the folder to keep what was trained in. Before any work the model is checked on
    the unusual texts and on `verify` of the others, drawn at random; None: on all.
    """

    model: str
    data: Path
    split: str | None = None
    limit: int | None = None
    device: str = "auto"
    threads: int = 1
    workers: int | None = 1
    cluster: str | None = None
    dtype: str = "float32"
    revision: str | None = None
    device_map: str | None = None
    prompt: Prompt | None = None
    batch_tokens: int | None = None
    pieces: bool = False
    seed: int = 0
    records: Path | None = None
    resume: bool = False
    reuse: bool = False
    recipe: Path | None = None
    models: Path | None = None
    verify: int | None = VERIFIED
    layer: int = -1
    site: str | None = None
    label: str | None = None
    command_line: Sequence[str] = ()

    def records_of(self, question: str, asked: int) -> Path | None:
        """The file for the records of one question, of so many that are asked at once.

        The name of the question goes before the ending where there are several.
        """
        if self.records is None or asked == 1:
            return self.records
        return self.records.with_name(f"{self.records.stem}.{question}{self.records.suffix}")

    @property
    def tokens(self) -> int:
        """How many tokens a batch has at most, padding included."""
        return self.batch_tokens or BATCH_TOKENS

    @property
    def threads_each(self) -> int:
        """The CPU threads of each worker; results are the same bits for the same number."""
        return max(1, self.threads // (self.workers or 1))
