"""Model and data of a run, rebuilt from its folder, and its samples as a picture.

N samples, C channels, H height, W width.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from src.core.commands import CONFIGURATION, command, override
from src.core.errors import message
from src.data.drums import drawing
from src.data.module import ResidentData
from src.data.spec import Batch, DataSpec
from src.evaluation import image_grids
from src.evaluation.point_plots import cloud
from src.gan.conditional import labels_of
from src.gan.module import GAN
from src.training import checkpoints
from src.training.results import read_results
from src.training.run_config import trusted_config
from src.training.run_record import read_record
from src.vae.module import VAE


def restored(run: Path, checkpoint: str, trust: Sequence[str] = ()) -> GAN | VAE:
    """The model of a run, on the CPU and in evaluation mode, with the weights of its `last` or `best` checkpoint.

    Args:
        trust: modules beside this project's whose classes the run's record may build.
    """
    read_record(run)
    path = checkpoints.checkpoint(run, checkpoint)
    dataset = read_results(run).get("dataset")
    if not path.is_file() or not dataset:
        raise FileNotFoundError(
            f"{run}: not finished, there is no checkpoints/{checkpoint}.ckpt beside a results.json with its data; "
            f"{command(override('resume', run))} goes on if there is a checkpoint"
        )
    if not checkpoints.is_valid(path):
        raise ValueError(f"{path} is damaged")
    config = trusted_config(run, trust)
    try:
        model = instantiate(config.model)(spec=DataSpec(**dataset))
    except (TypeError, AttributeError, LookupError, RuntimeError) as error:  # RuntimeError: sizes
        raise ValueError(
            f"{run}: its .hydra/config.yaml and the dataset in its results.json describe no model: {message(error)}"
        ) from error
    checkpoints.load_weights(model, path)
    return model.eval()


def data_of(run: Path, digest: str, root: str | None = None, trust: Sequence[str] = ()) -> ResidentData:
    """The data of a run, set up.

    Args:
        digest: of the data that the run was trained on.
        root: the folder of data files, where it is no longer the recorded one.
        trust: as of `restored`.

    Raises:
        ValueError: the data are other ones.
    """
    config = trusted_config(run, trust)
    if root:
        OmegaConf.update(config, "data.root", root)
    data = instantiate(config.data)
    data.setup()
    if data.spec.digest != digest:
        raise ValueError(f"data.root={data.root}: holds other data than the run was trained on; point it to those")
    return data


def samples_of(model: GAN | VAE, num: int, seed: int, label: str | None = None) -> Tensor:
    """New samples [N, C, H, W], the same for the same seed; of one class, if its name is given.

    Raises:
        ValueError: there is no such class, or the model takes no labels.
    """
    if label is None:
        return model.sample(num, seed)
    if not isinstance(model, GAN) or not model.needs_labels:
        raise ValueError(f"class={label}: this model takes no labels; train a GAN with gan.conditional=projection")
    return model.sample(num, seed, labels_of(model.spec, label, num))


def drawn(model: GAN | VAE, run: Path, num: int, options: Mapping[str, Any]) -> tuple[Tensor, str]:
    """New samples [N, C, H, W] as the command's options ask for them, and the name of their file."""
    seed, label, rejection = options["seed"], options["class"], options["rejection"]
    if rejection:
        return _accepted(model, run, num, options), file_name("accepted", rejection, seed)
    return samples_of(model, num, seed, label), file_name("drawn", label, seed)


def _accepted(model: GAN | VAE, run: Path, num: int, options: Mapping[str, Any]) -> Tensor:
    """Samples that the discriminator accepts [N, C, H, W], calibrated on held-out data; prints their share.

    Raises:
        ValueError: there is no discriminator, a trick does not fit, the data are others or no sample is accepted.
    """
    name, trust = options["rejection"], options["trust"]
    if not isinstance(model, GAN):
        raise ValueError(f"rejection={name}: a VAE has no discriminator; leave it out")
    chosen = OmegaConf.load(CONFIGURATION / "evaluator.rejection" / f"{name}.yaml")
    recorded = OmegaConf.select(trusted_config(run, trust), "evaluator.rejection")
    same = recorded is not None and recorded["_target_"] == chosen["_target_"]
    rejection = instantiate(recorded if same else chosen)  # as the run was evaluated
    rejection.check(model)
    real = data_of(run, model.spec.digest, options["data.root"], trust).held_out("val")
    labels_NS = model.conditional.batch_labels(model, Batch(real.images, real.labels))
    accepted = rejection.draw(model, real.images, labels_NS, num, options["seed"])
    found = len(accepted.images_NCHW)
    if not found:
        raise ValueError(f"rejection={name}: no sample was accepted; choose another seed, or leave it out")
    share = f"{accepted.share:.3f} of the generator's samples were accepted"
    print(share if found == num else f"{share}, {found} in place of {num}", file=sys.stderr)
    return accepted.images_NCHW


def file_name(kind: str, label: str | None, seed: int) -> str:
    """The name of a file of samples, perhaps of a class."""
    return "_".join(filter(None, (kind, re.sub(r"[^\w-]|_", "-", label or ""), str(seed))))


def picture_of(samples_NCHW: Tensor, spec: DataSpec) -> np.ndarray:
    """Samples as uint8 pixels [H, W, 3]: images and bars side by side, points among each other."""
    if spec.kind == "points":
        return cloud(spec.to_float(samples_NCHW))
    if spec.kind == "drums":
        return drawing.bars(samples_NCHW.amax(1), voices=spec.kit)  # stacked bars sound together
    return image_grids.grid(samples_NCHW, columns=min(16, len(samples_NCHW)))
