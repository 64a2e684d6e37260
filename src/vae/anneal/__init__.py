"""Annealing strategies, one class each."""

from src.vae.anneal.aggressive import Aggressive
from src.vae.anneal.annealer import Annealer, ComposedAnnealer, KLTransform, Levels
from src.vae.anneal.decoding import Temperature, WordDropout
from src.vae.anneal.free_bits import FreeBits, FreeBitsPerLevel, FreeBitsTotal, PretrainThenAnneal, TargetRate
from src.vae.anneal.posteriors import DU, BatchNormMean, Delta
from src.vae.anneal.rate_control import GECO, Capacity, PIController
from src.vae.anneal.schedules import (
    Constant,
    Cosine,
    Cyclical,
    Exponential,
    LevelBalance,
    Linear,
    NoAnnealing,
    Schedule,
    Sigmoid,
)
