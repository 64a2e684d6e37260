"""Sentences on what the measuring itself leaves in doubt: oracles, junk that scores well, unequal sample sizes."""

from src.core.metric_specs import metric_spec
from src.report.grouping import CONTROLS, REAL_CONTROLS, Section, control

TRUSTED_ORACLE = 0.9
SAME_ORACLE = 0.01  # accuracies of one oracle differ by less, on other parts of the held-out data
SIZES = {"num_samples": "drawn", "num_held_out": "held-out"}


def junk_modes(section: Section) -> str:
    """The counts of modes mean something only if junk scores far below real data."""
    scores = {
        name: control(section, name, "modes") for name in sorted({n for r in section.included for n in r.controls})
    }
    real = scores.get("real")
    scores = {name: score for name, score in scores.items() if name not in REAL_CONTROLS}
    fooled = {name: score for name, score in scores.items() if real and score and score > real / 2}
    if not fooled:
        return ""
    shown = metric_spec("modes")
    junk = " and ".join(f"`{name}` scores {shown.text(score)} modes" for name, score in fooled.items())
    return f"Distrust modes here: {junk} where held-out real data score {shown.text(real)}."


def useless_oracle(section: Section) -> str:
    """What the runs themselves record of an oracle whose classes cannot be relied on."""
    found = (run.facts.get("oracle_weak") for run in section.included)
    reasons = dict.fromkeys(reason for reason in found if isinstance(reason, str))
    if not reasons:
        return ""
    return (
        f"The oracle is too weak to count classes ({'; '.join(reasons)}). "
        "Modes, missing classes, recognisable shares and their KL say nothing reliable here."
    )


def weak_oracle(section: Section) -> str:
    known = [run.facts["oracle_accuracy"] for run in section.included if run.facts.get("oracle_accuracy")]
    if not known or min(known) >= TRUSTED_ORACLE:
        return ""
    return (
        f"The oracle is right on only {min(known):.1%} of held-out data; modes and KL cannot be more exact than that."
    )


def one_oracle(section: Section) -> str:
    """Runs on one data set that were judged by oracles of their own."""
    known = [run.facts["oracle_accuracy"] for run in section.included if run.facts.get("oracle_accuracy")]
    if not known or max(known) - min(known) < SAME_ORACLE:
        return ""
    return (
        f"The oracle differs between runs, being right on {min(known):.1%} to {max(known):.1%} of held-out data. "
        "What two oracles recognise cannot be compared."
    )


def sample_sizes(section: Section) -> str:
    """Distances fall and modes come up as more samples are scored."""
    parts = []
    for key, kind in SIZES.items():
        used = sorted({run.scalars[key] for run in section.included if key in run.scalars})
        parts += [f"{' and '.join(f'{number:,.0f}' for number in used)} {kind} samples"] if len(used) > 1 else []
    if not parts:
        return ""
    return f"Runs were scored on {', and on '.join(parts)}. Metrics change with that number alone."


def importance(section: Section) -> str:
    used = sorted(
        {run.scalars["importance_samples"] for run in section.included if "importance_samples" in run.scalars}
    )
    if len(used) < 2:
        return ""
    counts = ", ".join(f"{number:.0f}" for number in used)
    return f"IWAE NLL was estimated with k = {counts}: more samples give a lower value, so these cannot be compared."


def fooled(section: Section) -> str:
    """Metrics of samples by which junk is at least as good as held-out real data."""
    found = []
    for key in section.family.samples:
        shown, real = metric_spec(key), control(section, "real", key)
        junk = {name: control(section, name, key) for name in ("noise", "single")}
        sign = 1 if shown.better == "higher" else -1
        liked = [name for name, score in junk.items() if None not in (score, real) and sign * (score - real) >= 0]
        if liked:
            scores = " and ".join(f"{CONTROLS[name]} {shown.text(junk[name])}" for name in liked)
            found.append(f"{shown.label} (real data {shown.text(real)}, {scores})")
    return f"Metrics that junk passes, to be read only beside the others: {'; '.join(found)}." if found else ""
