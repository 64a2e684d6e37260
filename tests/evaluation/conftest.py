"""Fixtures of the models that evaluators are tested on."""

from tests.evaluation.callback_fixtures import evaluated_fit  # noqa: F401
from tests.vae.conftest import (  # noqa: F401
    bar_spec,
    bars,
    enlivened,
    evaluation_of,
    fit_vae,
    make_vae,
    oracles,
    vae_for,
)
