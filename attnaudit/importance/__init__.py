"""What else says which word matters: every importance, and the only list of them.

A family of importances has one module, which is light to import. What computes them brings torch
when it is called; where it is long it stands in a module of its own beside the family's.
"""

from __future__ import annotations

from attnaudit.importance import chance, gradients, integrated_gradients, leave_one_out
from attnaudit.importance.importance import Importance

# The order decides how a pair is named: `gradient~leave_one_out`, never the other way round.
IMPORTANCES: dict[str, Importance] = {
    importance.name: importance
    for importance in (
        *gradients.FAMILY,
        *leave_one_out.FAMILY,
        *integrated_gradients.FAMILY,
        *chance.FAMILY,
        *integrated_gradients.OTHER_BASELINES,
    )
}
