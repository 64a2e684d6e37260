import pytest
import torch

from src.gan.tricks import ModeSeeking, TopK


@pytest.fixture
def term(make_step):
    def of(images, z, **settings):
        return ModeSeeking(**settings).generator_penalty(make_step(images, images, z_BZ=z))

    return of


def test_by_hand(term):
    """Two images that differ by 0.5 in every pixel, noise by 2 in every dimension: 1 / (0.5 / 2 + 1e-5)."""
    images = torch.stack([torch.zeros(1, 3, 2), torch.full((1, 3, 2), 0.5)])
    z = torch.tensor([[1.0, 1.0, 1.0], [3.0, -1.0, 3.0]])
    assert term(images, z).item() == pytest.approx(1 / (0.25 + 1e-5))
    assert term(images, z, weight=3.0).item() == pytest.approx(3 / (0.25 + 1e-5))


def test_each_image_with_the_next(term):
    """Pairs (1, 2), (2, 3), (3, 1): a ratio of means, not a mean of ratios."""
    torch.manual_seed(0)
    images, z = torch.rand(3, 2, 4, 3), torch.randn(3, 5)
    pairs = [(0, 1), (1, 2), (2, 0)]
    between_images = sum((images[a] - images[b]).abs().mean().item() for a, b in pairs) / 3
    between_noise = sum((z[a] - z[b]).abs().mean().item() for a, b in pairs) / 3
    assert term(images, z).item() == pytest.approx(1 / (between_images / between_noise + 1e-5), rel=1e-5)


def test_a_collapsed_generator_pays_the_most_but_not_without_end(term):
    z = torch.randn(4, 5)
    one_for_all = torch.rand(1, 1, 3, 3).expand(4, 1, 3, 3)
    assert term(one_for_all, z).item() == pytest.approx(1e5)


def test_descending_drives_images_apart(term):
    images = torch.tensor([0.1, -0.1]).view(2, 1, 1, 1).requires_grad_()
    term(images, torch.randn(2, 5)).backward()
    assert images.grad[0] < 0 < images.grad[1]


def test_leading_axes_stay_free(term):
    images, z = torch.rand(3, 4, 1, 2, 2), torch.randn(3, 4, 5)
    together = term(images, z)
    alone = torch.stack([term(*one) for one in zip(images, z, strict=True)])
    torch.testing.assert_close(together, alone)


def test_full_precision(term):
    assert term(torch.rand(4, 1, 3, 3).bfloat16(), torch.randn(4, 5)).dtype == torch.float32


def test_an_image_alone_is_refused(term):
    with pytest.raises(ValueError, match=r"gan\.tricks=mode_seeking .* choose a batch_size above 1"):
        term(torch.rand(1, 1, 3, 3), torch.randn(1, 5))


def test_it_costs_the_discriminator_nothing(make_gan, fit, make_step):
    gan = make_gan(tricks={"mode_seeking": ModeSeeking()})
    fit(gan, num_batches=2)
    assert gan.discriminator_passes / gan.generator_steps == 3
    images = torch.rand(4, 1, 8, 8)
    assert gan.tricks["mode_seeking"].discriminator_penalty(make_step(images, images, z_BZ=gan.noise(4), gan=gan)) == 0


def test_neighbours_sorted_by_logits_are_refused(make_gan):
    with pytest.raises(ValueError, match=r"gan\.tricks=top_k sorts by their logits: choose one of them"):
        make_gan(tricks={"mode_seeking": ModeSeeking(), "top_k": TopK()})
