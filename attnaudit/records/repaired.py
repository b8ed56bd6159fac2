"""The repairs of an audited model, as what a report says of it has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Settings of a training configuration. Their weights are a fact of the model, `repairs`.
_SETTINGS = ("conicity", "tying", "masked_words")
_ORTHOGONAL = "orthogonal_bilstm"


def repairs_in_words(facts: Mapping[str, Any]) -> list[str]:
    """Such as `orthogonal BiLSTM` and `conicity=0.5`; empty for a model without repairs.

    `facts` are those of the model. Whatever is not as attnaudit writes it is left out.
    """
    recipe, weights = facts.get("recipe"), facts.get("repairs")
    orthogonal = isinstance(recipe, Mapping) and recipe.get("encoder") == _ORTHOGONAL
    found = ["orthogonal BiLSTM"] if orthogonal else []
    for name, weight in weights.items() if isinstance(weights, Mapping) else ():
        if name in _SETTINGS and isinstance(weight, (int, float)):
            found.append(f"{name}={weight:g}")
    return found
