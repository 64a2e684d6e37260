"""Metrics of a VAE: the bound on held-out samples, information in its latents, and quality of its samples.

N samples, T steps, V voices (cells of a step), L latent dims.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.core.levels import levels_in
from src.core.validation import COUNT, SAMPLES
from src.data.drums import drawing
from src.data.module import ResidentData
from src.data.spec import Split
from src.evaluation import CHARTS, SEED, image_grids
from src.evaluation.artifacts import Artifact, Cloud, Deferred, Picture, Sound
from src.evaluation.coverage import Coverage
from src.evaluation.drum_metrics import drum_metrics_of
from src.evaluation.latents.encode import AnalysisResult
from src.evaluation.latents.run import analyse
from src.evaluation.metrics.bound import Bound, active_units, onset_f1
from src.evaluation.metrics.onset import ACTIVE_NATS, posterior_collapse_onset
from src.evaluation.metrics.outcome import SHUFFLES, LevelState, above_shuffled, level_state, worst_state
from src.evaluation.oracles.base import Oracle
from src.evaluation.oracles.factory import oracle_of
from src.evaluation.point_plots import cloud
from src.evaluation.samples import SampleEvaluator
from src.evaluation.vae_likelihood import CHUNK, chunk_size, distortion, level_usage, likelihood_metrics
from src.training.networks import evaluating
from src.vae.information import paired_information
from src.vae.module import VAE

DRAWS = 16  # posterior samples for the bound at the end,
DRAWS_IN_TRAINING = 2  # and during training
BOUND_CELLS = 1_000_000  # per batch of the bound
NUM_SHOWN = 8  # bars in a picture
NUM_HEARD = 4  # of them, each followed by its reconstruction
NUM_SHOWN_IMAGES = 64
NUM_SHOWN_BARS = 16  # samples of the prior
NUM_HEARD_BARS = 8
NUM_IN_TRAINING = 300  # samples during training for all metrics but the bound


class VAEEvaluator(SampleEvaluator):
    """Evaluates held-out samples and samples of the prior, deterministically for given weights.

    Always with β 1, raw KL and temperature 1, independently of annealing.

    Args:
        num_samples: samples of the prior, at the end; fewer during training.
        num_held_out: test samples at most; mutual information takes quadratic time.
        importance_samples: k of `iwae_nll`, at the end only.
        interpret: whether latents and musicality of drum bars are analysed at the end.
    """

    headline = ("iwae_nll", "elbo", "kl_LEVEL")
    charts = CHARTS["vae"]

    def __init__(self, num_samples: int, num_held_out: int, importance_samples: int, interpret: bool, cache: str):
        super().__init__(num_samples, cache)
        SAMPLES.check("evaluator.num_held_out", num_held_out)
        COUNT.check("evaluator.importance_samples", importance_samples)
        self.num_held_out = num_held_out
        self.importance_samples = importance_samples
        self.interpret = interpret

    def prepare(self, data: ResidentData, device: torch.device) -> None:
        self.spec = data.spec
        self.device = device
        self.held_out = {name: data.held_out(name).to(device) for name in ("val", "test")}
        self.train = data.splits["train"].images
        self.true_nll = data.true_nll(data.held_out("test").images[: self.num_held_out])
        self.coverage = Coverage(data, self.num_samples, self.cache, device) if self.spec.kind != "drums" else None
        self.drum_metrics = drum_metrics_of(data, self.num_samples, device)
        has_styles = self.drum_metrics and len(self.spec.classes) > 1
        self.styles = oracle_of(data, self.cache, device) if has_styles else None
        self.data = data
        self.analysis = AnalysisResult()

    def evaluate(self, vae: VAE, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        final = split == "test"
        with evaluating(vae):
            torch.manual_seed(SEED)
            images_NCHW = self.held_out[split].images
            images_NCHW = images_NCHW[: self.num_held_out] if final else images_NCHW
            some_NTV = vae.to_cells(images_NCHW if final else images_NCHW[:NUM_IN_TRAINING])
            metrics, points = self._bound(vae, images_NCHW, DRAWS if final else DRAWS_IN_TRAINING)
            usage, used = level_usage(vae, some_NTV, SHUFFLES if final else 1)
            information, informative = self._information(vae, some_NTV, SHUFFLES if final else 0)
            metrics |= usage | information
            reconstruction, artifacts = self._reconstruct(vae, some_NTV, final)
            metrics |= reconstruction
            if final:
                metrics |= likelihood_metrics(vae, some_NTV, self.train, self.importance_samples)
                metrics |= {} if self.true_nll is None else {"entropy": self.true_nll.mean()}
            else:
                metrics |= {name: float(value) for name, value in vae.annealed.items()} | vae.take_schedule()
            samples = vae.sample(self.num_samples_of(split), SEED)
            sample_metrics, sample_artifacts = self._evaluate_samples(vae, samples, split)
            metrics |= sample_metrics
            artifacts |= sample_artifacts
            if final and self.interpret and self.drum_metrics:
                bars_NTV = samples[:, 0]
                self.analysis = analyse(vae, self.data, self.styles, self.drum_metrics, self.num_held_out, bars_NTV)
                metrics |= self.analysis.metrics
                artifacts |= self.analysis.artifacts
            if final:
                classes_N = self.held_out[split].labels[: len(some_NTV), 0]
                names = [self.spec.classes[index] for index in classes_N.tolist()]
                what = "style" if self.spec.kind == "drums" else "class"
                artifacts |= {f"z_{level}": Cloud(points[level], names, what) for level in vae.levels}
        values = {name: value.tolist() if isinstance(value, Tensor) else value for name, value in metrics.items()}
        states = {level: level_state(values[f"kl_{level}"], used[level], informative[level]) for level in vae.levels}
        values |= {"num_samples": len(samples), "collapsed": _levels(states, LevelState.COLLAPSED)}
        if final:  # which needs several shuffles
            values["without_effect"] = _levels(states, LevelState.WITHOUT_EFFECT)
        return values, artifacts

    def controls(self) -> dict[str, dict[str, Any]]:
        controls = super().controls()
        if self.styles:
            controls["real"]["style_accuracy"] = self.styles.accuracy_k.item()
        return controls

    def facts(self) -> dict[str, Any]:
        return super().facts() | self.analysis.facts

    def over_training(self, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> dict[str, Any]:
        """`outcome`: the state of the worst level at the end; `onset` of each level and of the samples' modes.

        `onset_reason` concerns the modes.
        """
        images_seen = [row["images_seen"] for row in history]
        onset = {
            level: posterior_collapse_onset(images_seen, [row[f"kl_{level}"] for row in history], ACTIVE_NATS)
            for level in levels_in(history[-1])
        }
        outcome = {"outcome": worst_state(metrics)} if metrics else {}
        modes = super().over_training(history, metrics)
        if not modes:
            return outcome | {"onset": onset}
        return modes | outcome | {"onset": onset | {"modes": modes["onset"]}}

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Artifact]:
        levels = levels_in(key.removesuffix("_dims") for key in history[-1])
        dims = {level: np.array([row[f"kl_{level}_dims"] for row in history]) for level in levels}
        picture = image_grids.kl_timeline([row["images_seen"] for row in history], dims)
        return {"kl_dimensions": Picture(picture)} | super().timeline(history)

    def _evaluate_samples(
        self, vae: VAE, samples_NCHW: Tensor, split: str
    ) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics and artifacts of samples of the prior."""
        metrics: dict[str, Any] = {}
        artifacts: dict[str, Artifact] = {}
        if self.spec.kind == "drums":
            bars = drawing.side_by_side(samples_NCHW[:NUM_SHOWN_BARS]).cpu()
            artifacts["prior"] = Deferred(lambda n: drawing.bars(bars, columns=n, voices=self.spec.kit), (4, 1))
        elif self.spec.kind == "images":
            first = samples_NCHW[:NUM_SHOWN_IMAGES].cpu()
            artifacts["prior"] = Deferred(lambda n: image_grids.grid(first, n), (16, 8))
        if self.coverage:
            metrics, pictures = self.coverage.evaluate(samples_NCHW, split)
            artifacts |= pictures
        if self.drum_metrics:
            metrics |= self.drum_metrics.measure(samples_NCHW[:, 0])
            if split == "test":
                artifacts["prior_bars"] = Sound(samples_NCHW[:NUM_HEARD_BARS, 0], self.spec.kit)
        if self.styles:
            num, held_out = self.num_samples_of(split), self.held_out[split]
            some = Split(held_out.images[:num], held_out.labels[:num])
            metrics["style_accuracy"] = style_accuracy(vae, self.styles, some)
        return metrics, artifacts

    def _bound(self, vae: VAE, images_NCHW: Tensor, draws: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """ELBO and its terms, averaged over D posterior draws per sample, and posterior means of all levels.

        A level's KL depends on the draws of others, so it is averaged too.
        """
        bound = Bound(vae.levels).to(self.device)
        points: dict[str, list[Tensor]] = {level: [] for level in vae.levels}
        for part_NCHW in images_NCHW.split(max(1, min(CHUNK, BOUND_CELLS // (draws * vae.numbers)))):
            part_NTV = vae.to_cells(part_NCHW)
            features_NF = vae.encoder(part_NTV)
            latents = vae.inference(features_NF.expand(draws, *features_NF.shape), vae.prior)
            draws_D = zip(*latents.z, strict=True)  # decoded one by one to save memory
            distortion_DN = torch.stack([distortion(vae, draw, part_NTV) for draw in draws_D])
            bound.update(distortion_DN.mean(0), [kl_DNL.mean(0) for kl_DNL in latents.kls().levels_BL])
            for level, posterior in zip(vae.levels, latents.posteriors, strict=True):
                points[level].append(posterior.mean.mean(0))
        means = {level: torch.cat(parts) for level, parts in points.items()}
        units = {f"au_{level}": active_units(means_NL) for level, means_NL in means.items()}
        return bound.compute() | units, means

    def _information(self, vae: VAE, cells_NTV: Tensor, shuffles: int) -> tuple[dict[str, Any], dict[str, bool]]:
        """Mutual information of each level with the sample, and whether it exceeds that of shuffled pairs."""
        features_NF = torch.cat([vae.encoder(part_NTV) for part_NTV in cells_NTV.split(CHUNK)])
        pairs = dict(zip(vae.levels, paired_information(vae.inference, features_NF, vae.prior, shuffles), strict=True))
        information = {f"mi_{level}": nats_P[0] for level, nats_P in pairs.items()}
        informative = {
            level: shuffles > 1 and above_shuffled(nats_P[0].item(), nats_P[1:]) for level, nats_P in pairs.items()
        }
        return information | {"mi_ceiling": math.log(len(cells_NTV))}, informative

    def _reconstruct(self, vae: VAE, cells_NTV: Tensor, final: bool) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics and pictures of reconstructions: the likelier value of each cell at the posterior means."""
        chunk = chunk_size(vae)
        threshold_NTV = torch.full_like(cells_NTV[:chunk], 0.5)
        images = torch.cat(
            [
                vae.decode(vae.inference.means(vae.encoder(part_NTV), vae.prior).z, threshold_NTV[: len(part_NTV)])
                for part_NTV in cells_NTV.split(chunk)
            ]
        )
        reconstructed_NTV = vae.to_cells(images)
        metrics = {} if self.spec.colour else {"onset_f1": onset_f1(cells_NTV, reconstructed_NTV)}
        if self.spec.kind == "drums":
            some = cells_NTV[:NUM_SHOWN].cpu(), reconstructed_NTV[:NUM_SHOWN].cpu()
            picture = Deferred(lambda n: drawing.reconstructions(*some, n, self.spec.kit), (4, 1))
            artifacts: dict[str, Artifact] = {"reconstructions": picture}
            if final and self.drum_metrics:
                pairs_NTV = torch.stack([cells_NTV[:NUM_HEARD], reconstructed_NTV[:NUM_HEARD]], 1).flatten(0, 1)
                artifacts["reconstructions_bars"] = Sound(pairs_NTV, self.spec.kit)
            return metrics, artifacts
        metrics["mse"] = (cells_NTV - reconstructed_NTV).square().mean()
        if self.spec.kind == "points":
            return metrics, {"reconstructions": Picture(cloud(self.spec.to_float(images)))}
        originals = vae.to_images(cells_NTV[: NUM_SHOWN_IMAGES // 2])
        pairs = torch.stack([originals, images[: len(originals)]], 1).flatten(0, 1).cpu()
        return metrics, {"reconstructions": Deferred(lambda n: image_grids.grid(pairs, n), (16, 8))}


def style_accuracy(vae: VAE, oracle: Oracle, held_out: Split) -> float:
    """Share of bars with the top level of a held-out bar, all else resampled, whose predicted style is that bar's."""
    cells_NTV = vae.to_cells(held_out.images)
    top_NL = vae.infer(cells_NTV).z[0]
    _, *lower = vae.levels.values()
    noise = [torch.randn(len(top_NL), size, device=top_NL.device) for size in lower]
    bars_N1TV = vae.decode(vae.prior.below(top_NL, noise), torch.rand_like(cells_NTV))
    return (oracle.predict(bars_N1TV).classes_NS == held_out.labels).double().mean().item()


def _levels(states: Mapping[str, LevelState], wanted: LevelState) -> list[str]:
    return [level for level, state in states.items() if state is wanted]
