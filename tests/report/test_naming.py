import pytest

from src.report.naming import labels, usual_baseline


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["gan_standard", "gan_fm"], ["gan_standard", "gan_fm"]),
        (["vae vae.anneal=linear", "vae vae.anneal=[cyclical,free_bits]"], ["linear", "[cyclical,free_bits]"]),
        (["gan x", "gan =x"], ["gan x", "gan =x"]),
        (["gan_fm width=8", "gan_fm width=16"], ["width=8", "width=16"]),
        (["vae_a x=b y=c", "vae_d x=b y=c"], ["vae_a", "vae_d"]),
        (["vae a=b c=d", "vae a=b c=e", "vae a=f c=d"], ["b d", "b e", "f d"]),
        (["gan_standard", "gan_standard gan.tricks=[r1]"], ["gan_standard", "r1"]),
        (["a", "a gan.tricks=[x]", "b", "a gan.loss=y gan.tricks=[x,z]"], ["a", "x", "b", "y [x,z]"]),
        (["a", "a x=c", "b", "b x=c"], ["a", "a x=c", "b", "b x=c"]),
        (["gan_fm", "gan_r1 gan.tricks.r1.gamma=2"], ["gan_fm", "gan_r1 gamma=2"]),
        (
            ["vae vae.anneal=linear trainer.precision=32-true", "vae vae.anneal=none trainer.precision=bf16-mixed"],
            ["linear precision=32-true", "none precision=bf16-mixed"],
        ),
        (["vae compile=true", "vae compile=false"], ["compile=true", "compile=false"]),
        (
            [
                "gan gan.generator.width=8 gan.discriminator.width=8",
                "gan gan.generator.width=4 gan.discriminator.width=4",
            ],
            ["generator.width=8 discriminator.width=8", "generator.width=4 discriminator.width=4"],
        ),
        (["x width=1 gan.width=2", "x width=2 gan.width=1"], ["width=1 gan.width=2", "width=2 gan.width=1"]),
        (["vae vae.anneal=none"], ["vae vae.anneal=none"]),
    ],
)
def test_labels_leave_out_what_all_share(names: list[str], expected: list[str]) -> None:
    assert labels(names) == dict(zip(names, expected, strict=True))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["vae vae.anneal=linear", "vae vae.anneal=none"], "vae vae.anneal=none"),
        (["vae vae.anneal=cyclical", "vae vae.anneal=linear"], "vae vae.anneal=linear"),
        (["vae vae.anneal=geco", "vae vae.anneal=cyclical"], "vae vae.anneal=cyclical"),
        (["vae_none", "vae_none x=none_at_all"], "vae_none"),
    ],
)
def test_baseline_is_no_annealing_else_the_linear_one(names: list[str], expected: str) -> None:
    assert usual_baseline(names, ("none", "linear")) == expected
