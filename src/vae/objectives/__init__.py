"""What a VAE's training step minimises, one class each."""

from src.vae.objectives.auxiliary import BagOfWords, LatentReconstruction
from src.vae.objectives.importance import CIWAE, IWAE, MIWAE, DReG
from src.vae.objectives.info_vae import InfoVAE
from src.vae.objectives.objective import ELBO, Objective, Step
from src.vae.objectives.semi_amortized import SemiAmortized
