"""Annealing strategies, one class each."""

from src.vae.anneal.aggressive import Aggressive
from src.vae.anneal.annealer import Annealer, KLTransform, Levels
from src.vae.anneal.batch_norm_mean import BatchNormMean
from src.vae.anneal.composed import ComposedAnnealer
from src.vae.anneal.decoding import Temperature, WordDropout
from src.vae.anneal.delta import Delta
from src.vae.anneal.du import DU
from src.vae.anneal.free_bits import FreeBits, FreeBitsPerLevel, FreeBitsTotal, TargetRate
from src.vae.anneal.level_balance import LevelBalance
from src.vae.anneal.pretrain_then_anneal import PretrainThenAnneal
from src.vae.anneal.rate_control import GECO, Capacity, PIController
from src.vae.anneal.schedules import Constant, Cosine, Cyclical, Exponential, Linear, NoAnnealing, Schedule, Sigmoid
