"""Adam and AdamW as torch has them, without the compiler that torch imports for their first step.

Torch wraps the methods of its optimisers for `torch.compile`. The wrappers import the compiler at
the first call, which takes one to three seconds of every process that trains, and here nothing is
compiled. So the methods are taken as they are below their wrappers: the steps are the same bits.
"""

from __future__ import annotations

from inspect import unwrap
from typing import Any, TypeVar

import torch

C = TypeVar("C", bound="type[torch.optim.Optimizer]")


def _unwrapped(kind: C) -> C:
    """An optimiser whose methods are those of the class that it derives from, without wrappers."""
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        setattr(kind, name, unwrap(getattr(kind, name)))
    step: Any = unwrap(kind.step)
    # The wrapper would have seen to it that steps have no graph.
    kind.step = torch.no_grad()(step)  # type: ignore[method-assign]
    return kind


@_unwrapped
class Adam(torch.optim.Adam):
    """As `torch.optim.Adam`."""


@_unwrapped
class AdamW(torch.optim.AdamW):
    """As `torch.optim.AdamW`."""
