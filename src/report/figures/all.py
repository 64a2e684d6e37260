"""All figures of a section, each with its caption: curves, differences, shares, survival, signals."""

from src.core.metric_specs import metric_spec
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.class_correlations import Why
from src.report.document import Picture
from src.report.figures.class_correlations import why_figure
from src.report.figures.curves import LOG_SCALED, curves
from src.report.figures.dimensions import dimension_maps
from src.report.figures.forest import forest
from src.report.figures.levels import QUANTITIES, level_curves
from src.report.figures.rate_distortion import rate_distortion
from src.report.figures.shares import share_map
from src.report.figures.signals import signal_curves
from src.report.figures.survival import characters, survival_maps
from src.report.grouping import Section

KINDS = ("plane", "levels", "dimensions", "curves", "differences", "shares", "survival", "signals", "why", "samples")


def difference_picture(section: Section) -> Picture | None:
    return _picture(
        f"differences_{section.slug}.png",
        forest(section),
        f"Difference from `{section.baseline_label}`, paired by seed: circles are seeds, diamond and bar the mean "
        "and its 95 % interval (blue: helps, orange: hurts, green: a side effect, black: no difference shown, grey: no "
        "verdict). No bar where seeds failed or fall into two groups. Colours are corrected for the number of tests, "
        "bars are not.",
        "Paired differences from the baseline per name",
    )


def curve_picture(section: Section, key: str) -> Picture | None:
    few = "thin: each seed where fewer than three were averaged; dotted: a run that is not averaged."
    logarithms = " both of the logarithms, as the axis is;" if key in LOG_SCALED else ""
    return _picture(
        f"curves_{section.slug}_{key}.png",
        curves(section, key),
        f"{_capital(metric_spec(key).label)} while training, on the validation split. "
        "Thick: mean over seeds, shaded its 95 % interval;"
        f"{logarithms} {few}"
        f"{' The first quarter may lie below the axis.' if key == 'elbo' else ''}",
        f"{metric_spec(key).label} against {section.unit} seen, per name",
    )


def plane_picture(section: Section) -> Picture | None:
    return _picture(
        f"plane_{section.slug}.png",
        rate_distortion(section),
        "Rate–distortion plane, a point per run. Grey lines: one ELBO each, its value at the line's end; better is "
        "down and left. Collapse floor: what one Bernoulli per cell reaches, which is the best that a parallel "
        "decoder can do once all levels have collapsed (rate 0); only an autoregressive one can do better without "
        "its latents. Entropy, where it is known: no model lies below it.",
        "Rate against distortion per run",
    )


def dimension_picture(section: Section) -> Picture | None:
    return _picture(
        f"dimensions_{section.slug}.png",
        dimension_maps(section),
        "KL of each latent dimension while training, the first seed of each name; within a level the dimension "
        "with the largest KL at the end is on top. Pale: carries nothing.",
        "Heat map of KL per latent dimension while training, per name",
    )


def level_picture(section: Section, quantity: str) -> Picture | None:
    """KL, active dimensions or β of each level while training."""
    seeds = "Thick: mean over seeds, shaded its 95 % interval; thin: each seed where they are few"
    captions = {
        "kl": f"KL of each level on held-out data while training, always at β = 1 and unclamped. {seeds}, both of the "
        "logarithms, as the axis is; dotted: a run that is not averaged.",
        "active": f"Active dimensions of each level: those with a mean KL above {ACTIVE_NATS} nats. {seeds}.",
        "beta": "β in the training loss at each evaluation; between two of them it may swing. Every other figure and "
        "table is measured at β = 1.",
    }
    return _picture(
        f"levels_{section.slug}_{quantity}.png",
        level_curves(section, quantity),
        captions[quantity],
        f"{QUANTITIES[quantity]} of each level while training, per name",
    )


def share_picture(section: Section) -> Picture | None:
    return _picture(
        f"shares_{section.slug}.png",
        share_map(section),
        "Share of each class among recognisable samples, against an even share, mean over seeds. "
        "A number: in how many seeds the class is missing.",
        "Heat map of class shares per name",
    )


def survival_pictures(section: Section) -> list[Picture]:
    """One picture, or several where the names are many."""
    plain = characters(section) == 1
    what = "seeds in which it is covered" if plain else "modes with it that are covered, mean over seeds"
    caption = (
        f"Survival of each class while training: {what}; dark is lost. On top what lasts longest under the first name. "
        "Triangles: onsets, one a seed."
    )
    return [
        Picture(
            f"survival_{section.slug}_{number}.png",
            content,
            caption if number == 1 else "Survival, continued.",
            "Heat maps of classes covered against samples seen, per name",
        )
        for number, content in enumerate(survival_maps(section), start=1)
    ]


def signal_picture(section: Section) -> Picture | None:
    return _picture(
        f"signals_{section.slug}.png",
        signal_curves(section),
        f"Modes covered and signals under `{section.baseline_label}`, a colour per seed. Dashed: the seed's onset; "
        "dot: where the signal moved.",
        "Early-warning signals against samples seen, beside the onset",
    )


def why_picture(section: Section, found: Why) -> Picture | None:
    return _picture(
        f"why_{section.slug}.png",
        why_figure(found),
        "Left: rank correlation of each property with survival, and its 95 % interval; filled: holds after Holm's "
        f"correction. Right: the {found.noun} under the strongest property.",
        f"Rank correlations of properties with survival, and the {found.noun} under the strongest property",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _picture(file: str, content: bytes | None, caption: str, alt: str) -> Picture | None:
    return Picture(file, content, caption, alt) if content else None
