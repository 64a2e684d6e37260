"""Which metrics a report shows for each model family, and which one decides."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from src.core.levels import OF_TWO, expanded, levels_in
from src.core.metric_topics import COPIES, Chapter, music
from src.core.plain_data import read_yaml

REAL_CONTROLS = ("real", "train", "blurred", "noisy", "thick")  # of which every class can be seen


@dataclass(frozen=True)
class Family:
    """A model family's report. Metrics that are not named here follow in a second table.

    Attributes:
        remedy: what its runs try against collapse, in one word.
        baselines: the words by which the usual baseline is known, the most probable first.
        main: columns of the first table.
        primary: the metric that decides what helps, unless the study declares another; the first that runs have.
        headline: metrics that are always shown beside it.
        curves: metrics drawn against samples seen.
        signals: columns of the history that may move before a collapse.
        absent: the metric that lists what collapsed.
        levels: latent levels, of which each metric `kl_LEVEL`, `mi_LEVEL`, … is one of its own.
        samples: metrics of drawn samples that stand beside their controls, because some of them are easily fooled.
        grids: pictures in samples/ and what they show.
        chapters: what runs on some data examine beside all that.
    """

    title: str
    remedy: str = "remedy"
    baselines: tuple[str, ...] = ("standard",)
    main: tuple[str, ...] = ()
    primary: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    absent: str = ""
    levels: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    grids: tuple[tuple[str, str], ...] = ()
    chapters: tuple[Chapter, ...] = ()

    def level(self, key: str) -> str:
        """The level whose KL a metric is, "" for all other metrics."""
        return next((level for level in self.levels if key == f"kl_{level}"), "")


def _read() -> tuple[dict[str, Family], dict[str, str]]:
    """The families and the controls of metric_families.yaml."""
    content = read_yaml(Path(__file__).with_suffix(".yaml"))
    families = {}
    for model, fields in content["families"].items():
        fields["grids"] = fields["grids"].items()
        listed: dict[str, Any] = {key: each if isinstance(each, str) else tuple(each) for key, each in fields.items()}
        families[model] = Family(**listed, chapters=(COPIES,) if model == "gan" else ())
    return families, content["controls"]


FAMILIES, CONTROLS = _read()

# Of a run as a whole, beside the metrics of its last state: TensorBoard's HParams page opens with these, which runs of
# every family have.
SHOWN_FIRST = ("primary", "collapsed", "images_seen", "train_seconds", "images_per_second")


def is_over_training(key: str) -> bool:
    """Whether a metric of results.json is over a run's evaluations, on the validation split, not of its last state."""
    return key.endswith("_late") or key == "worst_modes"


def final_tag(key: str) -> str:
    """Under which loggers have a metric of results.json."""
    return f"{'final' if is_over_training(key) else 'test'}/{key}"


def family(model: str, keys: Iterable[str] = ()) -> Family:
    """A model's family, for runs with the latent levels of these metrics; with two levels where none is of one."""
    found = FAMILIES.get(model) or Family(title=model)
    levels = levels_in(keys) or found.levels
    if not found.levels:
        return found
    two, more = ([name for name in levels if (name in OF_TWO) == named] for named in (True, False))
    return replace(
        found,
        levels=levels,
        main=expanded(found.main, levels),
        headline=expanded(found.headline, levels),
        chapters=(*music([each for each in (two, more) if each]), COPIES),
    )
