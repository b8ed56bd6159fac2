"""What the figures are called that say how a ranking agrees with people; see `rationales`."""

from __future__ import annotations

# F1 of the chosen words and of their runs, average precision, and the trapezoidal area.
AGREEMENTS = ("token_f1", "iou_f1", "auprc", "auprc_trapezoidal")
