"""Tricks: stabilisers of GAN training."""

from src.gan.tricks.adaptive_augment import AdaptiveAugment
from src.gan.tricks.augmentation import DiffAugment
from src.gan.tricks.batch_diversity import GDPP, Bures
from src.gan.tricks.burn_in import BurnIn
from src.gan.tricks.consistency import Consistency
from src.gan.tricks.d2gan import D2GAN
from src.gan.tricks.diffusion_gan import DiffusionGAN
from src.gan.tricks.ema import EMA
from src.gan.tricks.finite_differences import R1Approx, R2Approx
from src.gan.tricks.gradient_penalties import R1, R2, Dragan, GradientPenalty
from src.gan.tricks.historical_averaging import HistoricalAveraging
from src.gan.tricks.instance_noise import InstanceNoise
from src.gan.tricks.label_smoothing import LabelSmoothing
from src.gan.tricks.lecam import Lecam
from src.gan.tricks.logit_centring import LogitCentring
from src.gan.tricks.mad_gan import MadGAN
from src.gan.tricks.minibatch_discrimination import MinibatchDiscrimination
from src.gan.tricks.minibatch_stddev import MinibatchStddev
from src.gan.tricks.mode_seeking import ModeSeeking
from src.gan.tricks.n_critic import NCritic
from src.gan.tricks.packing import Packing
from src.gan.tricks.presgan import Presgan
from src.gan.tricks.san import SAN
from src.gan.tricks.spectral_norm import SpectralNorm
from src.gan.tricks.top_k import TopK
from src.gan.tricks.trick import Trick
from src.gan.tricks.two_time_scale import TwoTimeScale
from src.gan.tricks.unrolled import Unrolled
from src.gan.tricks.veegan import VEEGAN
from src.gan.tricks.weight_clipping import WeightClipping
