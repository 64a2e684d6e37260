"""Studies of several products, and the part of them that a command chooses."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from src.core import commands
from src.core.commands import prepare_arguments
from src.core.run_names import swept_keys
from src.sweeps.sweeper import named_after, selected

PARTS = [
    {"experiment": ["gan_seed", "gan_seed_fm"], "data": ["fonts", "emnist"]},
    {"experiment": ["vae_none"], "data": ["drums", "groove"]},
    {"experiment": ["vae_seed"], "data": ["drums", "groove"], "vae.anneal": ["none", "linear"]},
]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, PARTS),
        ({"experiment": ["gan_seed_fm"]}, [{"experiment": ["gan_seed_fm"], "data": ["fonts", "emnist"]}]),
        ({"data": ["groove"]}, [part | {"data": ["groove"]} for part in PARTS[1:]]),
        (
            {"vae.anneal": ["linear"], "data": ["drums"]},
            [{"experiment": ["vae_seed"], "data": ["drums"], "vae.anneal": ["linear"]}],
        ),
        ({"experiment": ["gan_seed"], "data": ["images"]}, [{"experiment": ["gan_seed"], "data": ["images"]}]),
        ({"experiment": ["gan_r3"], "data": ["fonts"]}, [{"experiment": ["gan_r3"], "data": ["fonts"]}]),
    ],
)
def test_a_choice_selects_the_parts_that_have_it_or_takes_their_place(chosen, expected):
    assert selected(PARTS, chosen) == [part for turn, part in enumerate(expected) if part not in expected[:turn]]


def test_a_choice_that_no_part_has_replaces_it_in_all_once():
    chosen = selected(PARTS, {"experiment": ["gan_r3"]})
    assert [part["experiment"] for part in chosen] == [["gan_r3"]] * 3
    assert selected(PARTS[:2], {"experiment": ["gan_r3"], "data": ["strokes"]}) == [
        {"experiment": ["gan_r3"], "data": ["strokes"]}
    ]


def test_jobs_are_named_after_what_differs_between_the_parts(tmp_path):
    parts = [
        {"experiment": ["a"], "vae.anneal": ["linear"]},
        {"experiment": ["a"], "vae.anneal": ["linear"], "gan.loss": ["hinge", "minimax"], "gan.tricks": ["[r1,r2]"]},
        {"experiment": ["a"], "vae.anneal": ["linear"], "gan.loss": ["wasserstein"]},
    ]
    saved = {"hydra": {"overrides": {"task": ["budget=1"]}, "sweeper": {"params": named_after(parts)}}}
    OmegaConf.save(saved, tmp_path / "multirun.yaml")
    assert swept_keys(tmp_path) == {"gan.loss", "gan.tricks"}


@pytest.mark.parametrize(
    ("words", "prepared"),
    [
        ("study=remedies gan.loss=kl seed=3", "study=remedies gan.loss=choice(kl) seed=3"),
        ("study=remedies gan.tricks=[r1,r2]", "study=remedies gan.tricks=choice([r1,r2])"),
        ("study=remedies gan.loss=kl,hinge data=fonts", "study=remedies gan.loss=kl,hinge data=fonts"),
        ("study=remedies vae.encoder.width=8", "study=remedies vae.encoder.width=8"),
        ("study=quick gan.loss=kl", "study=quick gan.loss=kl"),
        ("gan.loss=kl", "gan.loss=kl"),
        ("study=none gan.loss=kl", "study=none gan.loss=kl"),
    ],
)
def test_a_choice_of_a_part_becomes_a_sweep(words, prepared):
    assert prepare_arguments(words.split()) == prepared.split()


@pytest.mark.parametrize("content", ["", "study: {seeds: 5}", "hydra: {sweeper: {dry_run: true}}"])
def test_a_study_that_sweeps_nothing_changes_no_words(tmp_path, monkeypatch, content):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text(content)
    monkeypatch.setattr(commands, "CONFIGURATION", tmp_path)
    assert prepare_arguments(["study=mine", "gan.loss=kl"]) == ["study=mine", "gan.loss=kl"]


def listing(*options: str) -> list[str]:
    command = [sys.executable, "-m", "src.train", "study.dry_run=true", *options]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.ci
def test_the_homeworks_study_and_a_part_of_it():
    everything = listing("study=seed")
    assert everything[0].startswith(f"{8 * (11 * 2 + 6 * 2 + 6 * 2)} jobs in multirun/seed/")
    assert ["gan_seed_balanced", "data=emnist", "seed", *"01234567"] in [line.split() for line in everything]
    part = listing("study=seed", "experiment=vae_seed", "data=drums", "study.seeds=2", "study.budget=1000")
    assert part[0].startswith("12 jobs in ")
    assert [line.split()[:2] for line in part[1:3]] == [
        ["vae_seed", "vae.anneal=none"],
        ["vae_seed", "vae.anneal=linear"],
    ]


@pytest.mark.ci
@pytest.mark.parametrize(
    ("study", "choice", "job"),
    [
        ("remedies", "gan.loss=kl", "mlp_standard gan.loss=kl"),
        ("remedies", "gan.tricks=[d2gan]", "mlp_standard gan.tricks=[d2gan]"),
        ("remedies", "gan.update=lookahead", "mlp_standard gan.update=lookahead"),
        ("remedies", "vae.inference=iaf", "vae_none vae.inference=iaf"),
        ("phase_transition", "vae.likelihood.variance=0.02", "phase_transition vae.likelihood.variance=0.02"),
    ],
)
def test_one_choice_of_a_part_needs_no_experiment_beside_it(study, choice, job):
    """A sweep's configuration has one model, a VAE unless the command says otherwise."""
    first, *jobs = listing(f"study={study}", choice, "study.seeds=2")
    assert first.startswith("2 jobs in ")
    assert [" ".join(line.split()) for line in jobs] == [f"{job} seed 0 1"]
