"""How a model is trained: the settings of classic models and of fine-tuning, and their optimisers.

The defaults of `Schedule` are those of Jain & Wallace 2019 (section 3, and the authors'
configuration): Adam with AMSGrad, learning rate 1e-3, weight decay 1e-5 on everything but the
attention, batches of 32 texts of similar length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import pydantic
import torch
from torch import nn
from typing_extensions import Self, override

from attnaudit.config import Settings
from attnaudit.models.descent import Adam, AdamW
from attnaudit.models.interface import AttentionModel

REPAIRS = ("conicity", "tying", "masked_words")


class Schedule(Settings):
    """How a model is trained."""

    epochs: int = pydantic.Field(8, ge=1, le=100_000)
    batch_size: int = pydantic.Field(32, ge=1, le=2**20)
    learning_rate: float = pydantic.Field(1e-3, gt=0)
    weight_decay: float = pydantic.Field(1e-5, ge=0, description="not on the attention")
    class_weights: Literal["balanced", "none"] = "balanced"
    patience: int | None = pydantic.Field(
        None, ge=1, description="stop after this many epochs without a better dev score"
    )
    select: Literal["auroc", "accuracy"] | None = pydantic.Field(
        None, description="the dev score that chooses the epoch; auroc if there are two classes"
    )
    seed: int = pydantic.Field(0, ge=0, lt=2**31)
    conicity: float = pydantic.Field(
        0.0,
        ge=0,
        description="A repair: the weight of a penalty on vectors that point the same way. 0 is "
        "without it.",
    )
    tying: float = pydantic.Field(
        0.0,
        ge=0,
        description="A repair: the weight of a penalty on states that are far from the embedding "
        "of their own word. 0 is without it.",
    )
    masked_words: float = pydantic.Field(
        0.0,
        ge=0,
        description="A repair: the weight of a second task, to guess hidden words from their "
        "states. 0 is without it.",
    )

    @property
    def repairs(self) -> dict[str, float]:
        """The repairs with a weight above 0, see `models.repairs`."""
        return {name: weight for name in REPAIRS if (weight := getattr(self, name))}

    def without_repairs(self) -> Self:
        """The same schedule for models that are not repaired, such as probes."""
        return self.model_copy(update=dict.fromkeys(REPAIRS, 0.0))

    @property
    def clip(self) -> float:
        """The norm that gradients are cut to."""
        return math.inf

    def rate(self, done: float) -> float:
        """The learning rate as a share of `learning_rate`, when a share `done` of all is done."""
        return 1.0

    def optimiser(self, model: AttentionModel) -> torch.optim.Optimizer:
        """Fused Adam: on a large embedding three to five times as fast as a loop over tensors."""
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        attention = [p for n, p in named if "attention" in n.split(".")]
        rest = [p for n, p in named if "attention" not in n.split(".")]
        groups = _decaying(rest, attention, self.weight_decay)
        return Adam(groups, lr=self.learning_rate, amsgrad=True, fused=True)

    def precision(self, device: torch.device) -> AbstractContextManager[Any]:
        """The context in which losses are computed."""
        return nullcontext()

    def products(self, device: torch.device) -> AbstractContextManager[None]:
        """The context of an epoch: on a GPU products may take TF32, which keeps ten bits.

        Scores on dev are computed outside it, as all figures are.
        """
        return _in_tf32() if device.type == "cuda" else nullcontext()

    @property
    def constant(self) -> bool:
        """Whether the learning rate is the same throughout, however many epochs there are."""
        return True


class FineTuning(Schedule):
    """How a pretrained transformer is fine-tuned (Devlin et al. 2019, appendix A.3).

    AdamW, without decay on biases and norms; the learning rate rises for a share `warmup` of all
    steps and falls to 0 from there; gradients are cut to norm 1. `mixed_precision` computes losses
    in bfloat16 where the device has it; weights stay float32. Without it there is no TF32.
    """

    epochs: int = pydantic.Field(3, ge=1, le=100_000)
    learning_rate: float = pydantic.Field(5e-5, gt=0)
    weight_decay: float = pydantic.Field(0.01, ge=0, description="not on biases and norms")
    class_weights: Literal["balanced", "none"] = "none"
    warmup: float = pydantic.Field(0.1, ge=0, lt=1, description="share of the steps")
    mixed_precision: bool = pydantic.Field(True, description="bfloat16 on a GPU that supports it")

    @property
    @override
    def clip(self) -> float:
        return 1.0

    @override
    def rate(self, done: float) -> float:
        return done / self.warmup if done < self.warmup else (1 - done) / (1 - self.warmup)

    @property
    @override
    def constant(self) -> bool:
        return False

    @override
    def products(self, device: torch.device) -> AbstractContextManager[None]:
        return super().products(device) if self.mixed_precision else nullcontext()

    @override
    def optimiser(self, model: AttentionModel) -> torch.optim.Optimizer:
        parameters = [p for p in model.parameters() if p.requires_grad]
        matrices = [p for p in parameters if p.ndim > 1]
        groups = _decaying(matrices, [p for p in parameters if p.ndim <= 1], self.weight_decay)
        return AdamW(groups, lr=self.learning_rate, fused=True)

    @override
    def precision(self, device: torch.device) -> AbstractContextManager[Any]:
        able = device.type == "cuda" and torch.cuda.is_bf16_supported()
        if not (self.mixed_precision and able):
            return nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)


@contextmanager
def _in_tf32() -> Iterator[None]:
    """Let products of float32 on a GPU take TF32, and set things back at the end."""
    places: Any = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [place.allow_tf32 for place in places]
    try:
        for place in places:
            place.allow_tf32 = True
        yield
    finally:
        for place, allowed in zip(places, before, strict=True):
            place.allow_tf32 = allowed


def _decaying(some: list[nn.Parameter], others: list[nn.Parameter], decay: float) -> list[Any]:
    """Groups of parameters for an optimiser: `some` decay, the `others` do not."""
    groups = [{"params": some, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
