"""Ranges of options, and how the classes that conf/ offers name themselves."""

import pytest

from src.core.validation import POSITIVE, SHARE, Choice
from src.gan.tricks import EMA, SAN, VEEGAN, MadGAN, R1Approx, WeightClipping
from src.vae.anneal import FreeBitsPerLevel, PIController
from src.vae.objectives import DReG, InfoVAE


@pytest.mark.parametrize(
    ("offered", "name"),
    [
        (EMA, "ema"),
        (SAN, "san"),
        (VEEGAN, "veegan"),
        (MadGAN, "mad_gan"),
        (R1Approx, "r1_approx"),
        (WeightClipping, "weight_clipping"),
        (FreeBitsPerLevel, "free_bits_per_level"),
        (PIController, "control"),
        (InfoVAE, "info_vae"),
        (DReG, "dreg"),
    ],
)
def test_names(offered: type[Choice], name: str):
    assert offered.name == name


def test_parameters_are_named_by_their_keys():
    assert (str(EMA()), EMA().key) == ("gan.tricks=ema", "gan.tricks.ema")
    assert (str(InfoVAE()), InfoVAE().key) == ("vae.objective=info_vae", "vae.objective")
    assert EMA().number("ramp", 0.5, SHARE) == 0.5
    with pytest.raises(ValueError, match=r"^gan\.tricks\.ema\.ramp=0: choose a number above 0$"):
        EMA().number("ramp", 0, POSITIVE)
    with pytest.raises(ValueError, match=r"^vae\.objective\.weight=-1: choose a number above 0$"):
        InfoVAE().number("weight", -1, POSITIVE)
