"""Tricks: stabilisers of GAN training."""

from src.gan.tricks.adaptive import AdaptiveAugment
from src.gan.tricks.augmentation import Consistency, DiffAugment
from src.gan.tricks.batch_diversity import GDPP, Bures
from src.gan.tricks.d2gan import D2GAN
from src.gan.tricks.finite_differences import R1Approx, R2Approx
from src.gan.tricks.gradient_penalties import R1, R2, Dragan, GradientPenalty
from src.gan.tricks.mad_gan import MadGAN
from src.gan.tricks.minibatch import MinibatchDiscrimination, MinibatchStddev, Packing
from src.gan.tricks.noise import DiffusionGAN, InstanceNoise
from src.gan.tricks.penalties import HistoricalAveraging, LabelSmoothing, Lecam, LogitCentring, ModeSeeking
from src.gan.tricks.presgan import Presgan
from src.gan.tricks.san import SAN
from src.gan.tricks.schedules import EMA, BurnIn, NCritic, TopK, TwoTimeScale
from src.gan.tricks.slope_bounds import SpectralNorm, WeightClipping
from src.gan.tricks.trick import Trick
from src.gan.tricks.unrolled import Unrolled
from src.gan.tricks.veegan import VEEGAN
