import pytest

from src.names import folder_name, run_name


@pytest.mark.parametrize(
    "override",
    [
        "experiment=gan_fm",
        "study=quick",
        "seed=3",
        "resume=multirun/single/some",
        "cache=/tmp/cache",
        "data.root=/data",
        "accelerator=gpu",
        "trainer.accelerator=gpu",
        "trainer=default",
        "+trainer.max_time=1",
        "++trainer.fast=true",
        "~trainer.logger",
        "hydra/launcher=joblib",
        "hydra.run.dir=there",
    ],
)
def test_what_is_no_part_of_a_name(override):
    assert run_name("gan_fm", [override]) == "gan_fm"


@pytest.mark.parametrize(
    "override",
    [
        "budget=1000",
        "evaluations=3",
        "data=strokes",
        "data.split=digits",
        "gan.discriminator.width=8",
        "gan.tricks=[ema,r1]",
        "seedling=1",  # not the seed
        "data.rooted=1",
        "gan.trainer=1",
    ],
)
def test_what_is_part_of_a_name(override):
    assert run_name("gan_fm", [override]) == f"gan_fm {override}"


def test_run_name():
    overrides = ["experiment=gan_fm", "seed=1", "gan.generator.width=8", "data.root=x", "data=strokes"]
    assert run_name("gan_fm", overrides) == "gan_fm gan.generator.width=8 data=strokes"
    assert run_name(None, overrides) == "gan.generator.width=8 data=strokes"
    assert run_name("gan_fm", []) == "gan_fm"
    assert run_name(None, ["seed=1"]) == "default"


def test_runs_that_differ_in_seed_and_machine_share_a_name():
    first = run_name("gan_fm", ["experiment=gan_fm", "seed=0", "accelerator=gpu", "data.root=/a"])
    assert first == run_name("gan_fm", ["seed=7", "experiment=gan_fm", "trainer.accelerator=cpu"])


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("gan_fm gan.generator.width=8", "gan_fm_gan.generator.width-8"),
        ("gan.tricks=[ema,r1]", "gan.tricks-_ema,r1_"),
        ("a/b\\c:d*e?f\"g<h>i|j k'l\nm", "a_b_c_d_e_f_g_h_i_j_k_l_m"),
        ("data.images=../some/where", "data.images-.._some_where"),
    ],
)
def test_folder_name(name, folder):
    assert folder_name(name) == folder


def test_folder_names_are_never_too_long():
    assert len(folder_name("x" * 500)) == 100
    assert folder_name("y" * 100) == "y" * 100
