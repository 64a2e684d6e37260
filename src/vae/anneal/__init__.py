"""Annealing strategies, one class each."""

from src.vae.anneal.aggressive import Aggressive
from src.vae.anneal.annealer import Annealer, KLTransform, Levels
from src.vae.anneal.annealing import Annealing
from src.vae.anneal.batch_norm_mean import BatchNormMean
from src.vae.anneal.decoding import Temperature, WordDropout
from src.vae.anneal.free_bits import FreeBits, FreeBitsPerLevel, FreeBitsTotal, TargetRate
from src.vae.anneal.level_balance import LevelBalance
from src.vae.anneal.pretrain_then_anneal import PretrainThenAnneal
from src.vae.anneal.rates import GECO, Capacity, Control
from src.vae.anneal.schedules import Constant, Cosine, Cyclical, Linear, Saturating, Schedule, Sigmoid, Unannealed

__all__ = [
    "GECO",
    "Aggressive",
    "Annealer",
    "Annealing",
    "BatchNormMean",
    "Capacity",
    "Constant",
    "Control",
    "Cosine",
    "Cyclical",
    "FreeBits",
    "FreeBitsPerLevel",
    "FreeBitsTotal",
    "KLTransform",
    "LevelBalance",
    "Levels",
    "Linear",
    "PretrainThenAnneal",
    "Saturating",
    "Schedule",
    "Sigmoid",
    "TargetRate",
    "Temperature",
    "Unannealed",
    "WordDropout",
]
