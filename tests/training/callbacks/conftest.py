"""Callbacks in training that is evaluated along the way."""

from tests.evaluation.callback_fixtures import evaluated_fit  # noqa: F401
