"""Writes drum bars of a run's model, single ones or a track, as picture, MIDI and sound.

N bars, C channels, T steps, V voices.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from src.data.drums import drawing
from src.data.drums.midi import write_midi
from src.data.drums.synthesis import render, write_wav
from src.evaluation import image_grids
from src.evaluation.oracles.factory import oracle_of
from src.gan.module import GAN
from src.sample.drum_tracks import styled_track, track
from src.sample.options import MAX_BARS, NUM_BARS
from src.sample.restore import data_of, drawn, file_name
from src.training.run_config import USUAL_CACHE
from src.vae.module import VAE


def play(model: GAN | VAE, run: Path, options: Mapping[str, Any]) -> list[Path]:
    """Returns the files written: the picture, and the bars one after another as MIDI and as sound.

    Args:
        options: values by key of the command, None if absent: `num` for single bars, `bars` or `style` for a track.
    """
    seed, style = options["seed"], options["style"]
    num = options["num"] or options["bars"] or NUM_BARS
    if num > MAX_BARS:
        raise ValueError(f"{'num' if options['num'] else 'bars'}={num}: draw at most {MAX_BARS} bars at once")
    name, titles = f"track_{seed}", None
    if style:
        bars_NCTV, titles = _styled(model, run, options, num)
        name = file_name("track", style, seed)
    elif options["bars"]:
        bars_NCTV = track(model, num, seed)
    else:
        bars_NCTV, name = drawn(model, run, num, options)
    out = options["out"] or run / "samples" / f"{name}.png"
    notes, sound = out.with_suffix(".mid"), out.with_suffix(".wav")
    grids_NTV = bars_NCTV.amax(1)  # stacked bars sound together
    voices = model.spec.kit
    write_midi(grids_NTV, notes, options["bpm"], options["swing"], voices)
    write_wav(sound, render(grids_NTV, options["bpm"], swing=options["swing"], voices=voices))
    image_grids.save(drawing.bars(grids_NTV, titles, voices=voices), out)
    return [out, notes, sound]


def _styled(model: GAN | VAE, run: Path, options: Mapping[str, Any], num: int) -> tuple[Tensor, list[str]]:
    """A track of a style, and for each bar the style that the oracle assigns; prints how many are right."""
    style, names = options["style"], model.spec.classes
    if model.spec.stack > 1:
        raise ValueError(f"style={style}: the run's bars are stacked and have no one style; leave style= out")
    if style not in names:
        raise ValueError(f"style={style}: choose {', '.join(names)}, or leave style= out")
    data = data_of(run, model.spec.digest, options["data.root"], options["trust"])
    oracle = oracle_of(data, Path(USUAL_CACHE), model.device)
    train = data.splits["train"]
    index = names.index(style)
    grids_NTV = train.images[train.labels == index]
    if not len(grids_NTV):
        raise ValueError(f"style={style}: no training bar is of this style; choose another")
    bars_N1TV = styled_track(model, grids_NTV, index, oracle, num, options["seed"])
    styles_N = oracle.predict(bars_N1TV).classes_NS[:, 0].tolist()
    print(f"{styles_N.count(index)} of {num} bars are recognised as {style}", file=sys.stderr)
    return bars_N1TV, [f"{number} {names[label]}" for number, label in enumerate(styles_N, start=1)]
