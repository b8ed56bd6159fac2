"""What the ladder takes from earlier questions of a suite: models with other parameters."""

from __future__ import annotations

from attnaudit.questions.ladder.adversaries import QUESTION, read_file
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.questions.question import Earlier


def build_on(settings: LadderSettings, earlier: Earlier) -> LadderSettings:
    """With the adversaries that the suite trained, unless the settings name others.

    Raises InputError for records that cannot be read.
    """
    path = earlier.records.get(QUESTION)
    if path is None or settings.adversaries is not None:
        return settings
    return settings.model_copy(update={"adversaries": read_file(path)})
