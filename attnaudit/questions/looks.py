"""Seeds that grow until the findings have an answer: `--seeds auto`.

Models are trained for 5 seeds, then for 8, 12 and 20 in all, and no further once every finding that
rests on them has its answer. Each look at the data has a level of its own (`measures.spending`), so
that looking several times leads astray no more often than looking once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from attnaudit.errors import InputError
from attnaudit.questions.option import Option

if TYPE_CHECKING:
    from attnaudit.questions.maker import Record
    from attnaudit.questions.recording import Ledger

AUTO: Literal["auto"] = "auto"
LOOKS = (5, 8, 12, 20)  # seeds in all at each look
MOST_SEEDS = 10_000

# Whether the records that `made` gives answer every question at a look of so many seeds.
Decided = Callable[[Callable[[], Iterator["Record"]], int], bool]


def read_seeds(given: Any) -> int | str:
    """The number that `--seeds` names, or AUTO; raises InputError for anything else."""
    text = str(given).strip()
    if text == AUTO:
        return AUTO
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SEEDS:
        raise InputError(f"--seeds {text}: give a number from 1 to {MOST_SEEDS}, or auto")
    return int(text)


def _checked(seeds: int | Literal["auto"]) -> int | Literal["auto"]:
    if seeds != AUTO and not 1 <= seeds <= MOST_SEEDS:
        raise ValueError(f"should be a number from 1 to {MOST_SEEDS}, or auto, not {seeds}")
    return seeds


# The type of a setting that says how many models to train.
Seeds = Annotated[
    int | Literal["auto"],
    Option(metavar="N|auto", default="5", parse=read_seeds),
    AfterValidator(_checked),
]


def growing(
    seeds: int | str, ledger: Ledger, made: Callable[[], Iterator[Record]]
) -> Iterator[tuple[int, int]]:
    """How many seeds there are before and after each list of models to train.

    A number of seeds makes one list. For AUTO the next list follows only if the ledger's `decided`
    says of the records that are `made` that a question is open.
    """
    if seeds != AUTO:
        yield 0, most(seeds)
        return
    before = 0
    for size in LOOKS:
        yield before, size
        if ledger.decided is not None and ledger.decided(made, size):
            return
        before = size


def most(seeds: int | str) -> int:
    """How many seeds there are at most."""
    return LOOKS[-1] if seeds == AUTO else int(seeds)


def later(seeds: int | str) -> int:
    """By how many seeds the lists after the first grow at most."""
    return LOOKS[-1] - LOOKS[0] if seeds == AUTO else 0
