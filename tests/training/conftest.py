"""The fixtures of the record's tests."""

from tests.training.record_fixtures import resumed, run  # noqa: F401
