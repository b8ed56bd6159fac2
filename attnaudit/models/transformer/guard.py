"""What a config.json may not say: nothing that loads code, and no size that fills the machine.

The file may come from strangers. It is looked at before transformers sees it, for transformers acts
on some of its keys: it fetches kernels from the hub, patches classes, or picks another weights
file.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attnaudit.errors import ModelError

MOST_BYTES = 16 << 20  # of a config.json; 100,000 named classes take about 5 MB
# Names that transformers resolves in its own code. Anything else may be a kernel of the hub.
PLAIN = frozenset(
    {"eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"}
    | {"batched_mm", "grouped_mm", "attnaudit"}
)
_IMPLEMENTATION = re.compile(r"_?(attn|experts)_implementation(_internal)?")
_FORBIDDEN = ("fusion_config", "kernel_config", "use_kernels", "transformers_weights")
_QUANTISED = ("quantization_config", "compression_config")
# Transformers builds lists, and networks loops, as long as these numbers say.
_LIMITS = (
    (re.compile(r"label|class"), 100_000),
    (re.compile(r"layer|block|expert|head|group|depth|stage|hop|iter"), 1_000),
    (re.compile(r"position|ctx|length|window"), 1 << 24),
    (re.compile(r"vocab|size|dim|embd|inner|width|rank|_ff"), 1 << 24),
)
_NO_COUNT = re.compile(r"_id$|_ids$|epsilon|theta|base|scal|eps")


def read_config(path: Path, name: str) -> dict[str, Any]:
    """What a config.json holds; raises ModelError where it is none, or says what it may not say."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"its {path.name} is larger than {MOST_BYTES >> 20} MB", where=name)
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"its {path.name} cannot be read ({what})", where=name) from error
    if not isinstance(content, dict):
        raise ModelError(f"its {path.name} is not a JSON object", where=name)
    for key, value in _entries(content):
        _check_entry(key, value, name)
    return content


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth, but for the names of classes."""
    left = [content]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            for key, value in each.items():
                if key not in ("id2label", "label2id"):  # where keys are what somebody called them
                    yield key, value
                    left.append(value)


def _check_entry(key: str, value: Any, name: str) -> None:
    if value in (None, False, {}, []):
        return
    if _IMPLEMENTATION.fullmatch(key):
        names = value.values() if isinstance(value, dict) else [value]
        if not all(each is None or (isinstance(each, str) and each in PLAIN) for each in names):
            raise _loads_code(key, value, name)
    if key in _FORBIDDEN:
        raise _loads_code(key, value, name)
    if key in _QUANTISED:
        method = value.get("quant_method") if isinstance(value, dict) else None
        raise ModelError(
            f"is quantised ({method!r:.40}), but the audits need its full weights",
            where=name,
            hint="audit the model from which it was made",
        )
    if isinstance(value, int) and not isinstance(value, bool) and not _NO_COUNT.search(key):
        limit = next((most for pattern, most in _LIMITS if pattern.search(key)), None)
        if limit is not None and value > limit:
            raise ModelError(
                f"its config.json asks for {key} {value:.3g}, but attnaudit allows at most "
                f"{limit:,}",
                where=name,
                hint="check the file: no classifier is that large",
            )


def _loads_code(key: str, value: Any, name: str) -> ModelError:
    return ModelError(
        f"its config.json asks to load code or files ({key}: {value!r:.60})",
        where=name,
        hint="remove that key: attnaudit runs only the code of transformers",
    )


_ABSENT = object()


@contextmanager
def no_kernels() -> Iterator[None]:
    """Within the context the package `kernels`, which runs code of the hub, cannot be imported."""
    before: Any = sys.modules.get("kernels", _ABSENT)
    sys.modules["kernels"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is _ABSENT:
            sys.modules.pop("kernels", None)
        else:
            sys.modules["kernels"] = before
