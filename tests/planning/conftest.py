"""The small model and texts that the tests of audits use."""

from tests.audits.conftest import batches, instances, model, summing, vocabulary

__all__ = ["batches", "instances", "model", "summing", "vocabulary"]
