"""How much goes through a model at a time."""

from __future__ import annotations

BATCH_TOKENS = 4096  # padded tokens a batch; larger ones leave the caches of a CPU
