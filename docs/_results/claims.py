"""The homework's claims beside what was measured.

A setting is one architecture on one data set at one length; its runs are named after their remedy or annealing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from docs._results import claim_rules as rules
from docs._results.claim_rules import EPOCH, MIDDLE, SCHEDULES, VALID, Verdict, named
from src.core.levels import OF_TWO, levels_in
from src.core.metric_specs import compact
from src.core.run_names import value_of
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.records import Run
from src.report.section import Section
from src.report.statistics import CHANCE

HOMEWORK = 100 * EPOCH  # training samples of the homework's runs
SHORTEST = 0.1  # share of them from which on a run can decide


@dataclass(frozen=True)
class Finding:
    """What one setting shows of a claim."""

    setting: str
    measured: str
    verdict: Verdict


@dataclass(frozen=True)
class Claim:
    """A claim, what decides it, and what was found."""

    text: str
    rule: str
    findings: Sequence[Finding]

    @property
    def verdict(self) -> str:
        """What all settings that decide agree on."""
        decided = {finding.verdict for finding in self.findings} - {Verdict.UNDECIDED}
        if not self.findings:
            return Verdict.NOT_MEASURED
        return "depends on the setting" if len(decided) > 1 else next(iter(decided), Verdict.UNDECIDED)


def settings(runs: Iterable[Run]) -> dict[str, Section]:
    """Runs of the homework's GAN and of the VAEs by setting, under names that are the remedy or the annealing."""
    members: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.dataset and (choice := _choice(run)):
            architecture, name = choice
            size = f" of {'×'.join(map(str, run.dataset.shape[1:]))}" if run.dataset.unit == "images" else ""
            planned = run.facts.get("settings", {}).get("budget", "")  # a failed run saw fewer
            length = compact(float(planned) if planned.isdecimal() else run.images_seen)
            label = f"`{architecture}`, {run.dataset.source}{size}, {length} {run.dataset.unit}"
            members.setdefault((label, run.dataset.digest), []).append(replace(run, name=name))
    times = Counter(label for label, _ in members)
    baseline = {"gan": "standard", "vae": "none"}
    return {
        f"{label} (data {digest[:8]})" if times[label] > 1 else label: Section(
            own[0].model, own[0].dataset, tuple(own), baseline[own[0].model]
        )
        for (label, digest), own in sorted(members.items())
    }


def _choice(run: Run) -> tuple[str, str] | None:
    """Architecture and remedy, or annealing; None for runs that none of the claims is about."""
    path = run.recipe
    if path.startswith(("gan_seed", "quick/seed_")):
        size, _, remedy = path.partition("seed")
        return f"{size}seed", remedy.lstrip("_") or "standard"
    if run.model != "vae" or levels_in(run.scalars) not in ((), OF_TWO):  # the claims are about two levels
        return None
    chosen = value_of("vae.anneal", run.overrides)
    if path == "vae_seed":
        return path, chosen or "none"
    return ("vae_drums", path.removeprefix("vae_")) if path.startswith("vae_") and not chosen else None


@dataclass(frozen=True)
class Rule:
    """A claim, the rule in words, the names that a setting must have, and the function that decides."""

    claim: str
    words: str
    needed: tuple[str, ...]
    decide: Callable[[Section], tuple[str, Verdict]]


RULES = (
    Rule(
        "Collapse begins in the middle of training, around epoch 30 of 100.",
        "The standard loss: the first evaluation at which samples of any quality show max(2, K/10) of the K letters "
        f"fewer than before. Its 95 % interval within epochs {MIDDLE[0]} to {MIDDLE[1]} confirms, outside refutes, and "
        "so does a majority of seeds that lose none.",
        ("standard",),
        rules.onset,
    ),
    Rule(
        "Simple, distinctive letters (O, A) survive; complex or rare ones (Q, X, Z) vanish.",
        "The share of late evaluations at which readable samples cover a letter, over all remedies: O and A both above "
        "Q, X and Z, where seeds agree better than by chance.",
        ("standard",),
        rules.letters,
    ),
    Rule(
        "Feature matching helps, but “not so good”.",
        f"It helps if `kl_any_late` is lower than under the standard loss (p < {CHANCE}); it is not so good while "
        "fewer than half as many samples are readable as of real letters.",
        ("standard", "fm"),
        rules.feature_matching,
    ),
    Rule(
        "Without annealing the KL of both levels is near zero while the reconstruction improves.",
        f"Both KLs below {ACTIVE_NATS} nats at the end, and a lower reconstruction error than at the first evaluation, "
        "in more or in less than half of the seeds (exact 95 % interval).",
        ("none",),
        rules.collapse,
    ),
    Rule(
        "A small β early prevents it.",
        "Linear, sigmoid, cyclical: confirmed if under one of them both levels are alive in more than half of the "
        "seeds, and in more than without annealing (rank sum, Bonferroni); refuted if under all of them in less than "
        "half.",
        ("none", SCHEDULES[0]),
        rules.small_beta,
    ),
    Rule(
        "z_high controls the global style, z_low local variations such as kick and snare.",
        "Where both levels are alive: bars with one z_high agree more in style, and differ in fewer cells, than bars "
        "with one z_low. Both paired differences above zero confirm, one below refutes.",
        ("none",),
        rules.levels,
    ),
    Rule(
        "Generated patterns are musically valid (score 1), and so is noise.",
        f"The homework's score of samples, under the annealing where it is worst, and of noise: at least {VALID}.",
        ("none",),
        rules.validity,
    ),
    Rule(
        "Free bits keep each dimension informative.",
        "Active units (Burda et al. 2016): the posterior mean of a dimension varies with the data. All are "
        "active in more than half of the seeds: confirmed, in less: refuted (exact 95 % interval).",
        ("free_bits",),
        rules.free_bits,
    ),
    Rule(
        "A high temperature first and a low one later gives sharper final samples.",
        "The mean entropy of a cell's probability while sampling at temperature 1, paired with no annealing: an "
        "interval below zero confirms, above refutes.",
        ("none", "temperature"),
        rules.temperature,
    ),
)


def claims(runs: Iterable[Run]) -> list[Claim]:
    """Every claim with what each setting that has the needed names shows of it."""
    by_setting = settings(runs)
    made = []
    for rule in RULES:
        able = {label: one for label, one in by_setting.items() if all(named(one, name) for name in rule.needed)}
        findings = [_finding(label, rule, section) for label, section in able.items()]
        made.append(Claim(rule.claim, rule.words, findings))
    return made


def _finding(setting: str, rule: Rule, section: Section) -> Finding:
    """What a rule says of a setting; undecided where its runs are too short."""
    measured, verdict = rule.decide(section)
    longest = max(run.images_seen or 0 for run in section.runs)
    if longest < SHORTEST * HOMEWORK:
        return Finding(setting, f"{measured}; too short for a verdict", Verdict.UNDECIDED)
    failed = f"; {len(section.failed)} runs of the setting failed" if section.failed else ""
    return Finding(setting, f"{measured}{failed}", verdict)
