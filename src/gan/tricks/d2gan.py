"""D2GAN: a second discriminator with the roles of real and generated images exchanged.

B batch.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import softplus

from src.core.validation import NOT_NEGATIVE
from src.gan.interfaces import DiscriminatorNetwork, GANInterface, ScoredImages, Step
from src.gan.losses import KL, log_softplus
from src.gan.networks.own import make_discriminator
from src.gan.tricks.trick import Trick


class D2GAN(Trick):
    """Adds the reverse Kullback–Leibler divergence to gan.loss=kl, by a second discriminator D₂.

    Nguyen et al. 2017, arXiv:1709.03831: D₂ = softplus(its logit) minimises E D₂(x) − β E log D₂(G(z)), and the
    generator β E log D₂(G(z)) beside its own loss. The second network has the first one's layers and weights of its
    own; tricks that penalise, normalise or clip a discriminator leave it alone.

    Args:
        discriminator: makes D₂ from `shape`.
        beta: β, the weight of the reverse divergence; 1 in the authors' code for points.
    """

    excludes_labels = "shows its second discriminator no labels"

    def __init__(self, discriminator: Callable[..., DiscriminatorNetwork], beta: float = 1.0):
        super().__init__()
        self.make_discriminator = discriminator
        self.beta = self.number("beta", beta, NOT_NEGATIVE)

    def attach(self, gan: GANInterface) -> None:
        if not isinstance(gan.loss, KL):
            raise ValueError(
                f"{self} is the half of its paper's game that gan.loss=kl lacks: choose that loss, or leave "
                "the trick out"
            )
        self.second = make_discriminator(self.make_discriminator, gan.discriminator_shape())

    def extra_parameters(self) -> tuple[list[Parameter], list[Parameter]]:
        return [], list(self.second.parameters())

    def logits(self, step: Step, side: ScoredImages) -> Tensor:
        """D₂'s logits of images that the first discriminator has scored."""
        return step.gan.discriminate(side.images_BCHW, side.z_BZ, self.second).logits_B

    def discriminator_penalty(self, step: Step) -> Tensor:
        real_B, fake_B = self.logits(step, step.real), self.logits(step, step.fake)
        return softplus(real_B).mean(-1) - self.beta * log_softplus(fake_B).mean(-1)

    def generator_penalty(self, step: Step) -> Tensor:
        # Not frozen: gan.update=consensus differentiates this gradient with respect to D₂. Else it is thrown away.
        return self.beta * log_softplus(self.logits(step, step.fake)).mean(-1)
