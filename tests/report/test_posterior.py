import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from src.report.collect import collect, read_run
from src.report.grouping import Section, group
from src.report.page import compose
from src.report.render import markdown
from src.report.verdicts import Verdict, decision, judge, side_effects


def said(section: Section) -> str:
    return markdown(compose([section], Path()))


@pytest.fixture
def compare(make_vae):
    """A section of strategies with (KL high, KL low, IWAE NLL), nearly the same in each seed."""

    def make(strategies: Mapping[str, tuple[float, float, float]], seeds: int = 3, **results) -> Section:
        runs = []
        for strategy, (high, low, nll) in strategies.items():
            for seed in range(seeds):
                wobble = 0.01 * (seed - 1)
                rates = (high * (1 + wobble), low * (1 + wobble))
                gain = wobble * (1 + high + low)
                runs.append(read_run(make_vae(strategy, seed, *rates, nll + gain, **results)))
        return group(runs)[0]

    return make


def verdicts(section: Section) -> dict[str, Verdict]:
    keys = section.headline
    return {key: judge(section, section.remedies[0], key).verdict for key in keys}


def test_what_collapses_when_and_what_keeps_it(annealing) -> None:
    (section,) = group(collect([annealing]))
    text = said(section)
    assert (
        "Under `none` level low collapsed in all 3 seeds (KL low 0.03 [0.00, 0.07] nats): early in seeds 0, 1, 2"
        in text
    )
    assert "(from 128k bars on); training saw 512k bars." in text
    assert "Level high stays alive under `none`: KL high 2.40 [" in text
    assert "Level low is alive in every seed under `[cyclical,free_bits]`, `linear`." in text
    assert "`linear` **helps**: IWAE NLL −0.80 [" in text
    assert "Side effects: keeps alive low; raises " in text


def test_likelihood_lies_between_floor_and_entropy(annealing) -> None:
    text = said(group(collect([annealing]))[0])
    assert "Lowest mean IWAE NLL: `linear` 24.20 [" in text
    assert (
        " per bar, 9.20 below the collapse floor of 33.40 and 5.95 above the entropy of 18.25; `none` reaches 25.00"
        in text
    )


def test_without_the_plain_bound_nobody_knows_what_was_prevented(compare) -> None:
    text = said(compare({"linear": (2.0, 1.0, 25.0), "cyclical": (2.1, 1.2, 25.0)}))
    assert "Under `linear` (3 seeds) no level collapses" in text
    assert "Whether `linear` prevented a collapse is not known: `none` was not run." in text
    assert "to cure" not in text


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"floor_nll": 24.0}, "no better than the collapse floor of 24.00"),
        ({"entropy": 24.75}, "0.25 below the entropy of 24.75 (chance, or a fault)"),
        ({"floor_nll": None, "entropy": None}, "none` 24.50 nats per bar (1 seed)."),
    ],
)
def test_likelihood_that_nothing_explains(make_vae, metrics, expected: str) -> None:
    assert expected in said(group([read_run(make_vae(nll=24.5, metrics=metrics))])[0])


def test_no_collapse_is_said(compare) -> None:
    text = said(compare({"none": (2.0, 1.0, 25.0), "linear": (2.1, 1.1, 25.0)}))
    assert "Under `none` (3 seeds) no level collapses: KL high 2.00 [" in text
    assert "There is no posterior collapse here for a strategy to cure." in text
    assert "alive in every seed" not in text


def test_a_strategy_that_collapses_what_was_alive(compare) -> None:
    section = compare({"none": (2.0, 1.0, 25.0), "capacity": (0.05, 1.0, 26.0)})
    assert "Level high, alive under `none`, collapses under `capacity` (in all 3 seeds)." in said(section)
    assert verdicts(section)["kl_high"] is Verdict.LOSES
    assert "`capacity` **hurts**: IWAE NLL" in said(section)


def test_nothing_keeps_the_level(compare) -> None:
    text = said(compare({"none": (2.0, 0.01, 25.0), "linear": (2.0, 0.02, 25.0)}))
    assert "No strategy keeps level low alive in every seed: it collapses under `linear` (in all 3 seeds)." in text


def test_a_level_kept_alive_does_not_make_up_for_a_worse_likelihood(compare) -> None:
    section = compare({"none": (2.0, 0.01, 25.0), "geco": (2.0, 2.0, 28.0)})
    assert decision(section, section.remedies[0]).verdict is Verdict.HURTS
    assert Verdict.KEEPS in {judgement.verdict for judgement in side_effects(section, section.remedies[0])}


def test_more_kl_in_a_living_level_is_not_better(compare) -> None:
    section = compare({"none": (2.0, 1.0, 25.0), "linear": (3.0, 0.5, 24.0)})
    assert verdicts(section) == {
        "iwae_nll": Verdict.HELPS,
        "elbo": Verdict.RAISES,
        "kl_high": Verdict.RAISES,
        "kl_low": Verdict.LOWERS,
    }


def test_level_alive_in_some_seeds_only_is_not_kept(make_vae) -> None:
    runs = [read_run(make_vae("none", seed, kl_low=0.01)) for seed in range(3)]
    runs += [read_run(make_vae("linear", seed, kl_low=kl)) for seed, kl in enumerate((0.11, 0.09, 0.12))]
    (section,) = group(runs)
    assert verdicts(section)["kl_low"] is not Verdict.KEEPS
    assert "it collapses under `linear` (in 1 of 3)" in said(section)


def test_one_seed_concludes_nothing(compare) -> None:
    text = said(compare({"none": (2.0, 1.0, 25.0), "linear": (2.1, 1.1, 24.0)}, seeds=1))
    assert "Under `none` (1 seed) no level collapses" in text
    assert "No conclusion from 1 seed: at least 3 are needed." in text
    assert "to cure" not in text
    assert "Lowest mean IWAE NLL: `linear` 23.96 nats per bar (1 seed), " in text


def test_levels_that_live_in_few_seeds_are_counted(compare) -> None:
    text = said(compare({"none": (2.0, 0.01, 25.0), "linear": (2.1, 1.1, 24.0)}, seeds=2))
    assert "Level high stays alive under `none` (2 seeds): KL high" in text
    assert "Level low is alive in every seed under `linear` (2 seeds)." in text


def test_a_level_lost_in_one_seed_says_so(compare) -> None:
    text = said(compare({"none": (2.0, 1.0, 25.0), "capacity": (0.05, 1.0, 26.0)}, seeds=1))
    assert "Level high, alive under `none` (1 seed), collapses under `capacity` (in the only seed)." in text


def test_the_best_likelihood_is_looked_for_where_the_seeds_suffice(make_vae) -> None:
    runs = [read_run(make_vae("none", seed, nll=25.0)) for seed in range(3)]
    runs += [read_run(make_vae("linear", 0, nll=20.0))]
    assert "Lowest mean IWAE NLL: `none` 25.00 nats per bar, " in said(group(runs)[0])


def test_two_seeds_give_no_verdict(compare) -> None:
    section = compare({"none": (2.0, 0.01, 25.0), "linear": (2.0, 2.0, 24.0)}, seeds=2)
    assert set(verdicts(section).values()) == {Verdict.WITHHELD}
    assert "Fewer than 3 completed seeds" in said(section)


def test_a_level_the_decoder_does_not_use_is_told(compare) -> None:
    idle = {"usage_high": 0.02, "usage_low": 3.0}
    text = said(compare({"none": (0.5, 1.0, 25.0)}, metrics=idle))
    assert "Alive by their KL, but not used by the decoder: `vae_drums vae.anneal=none` high (KL 0.50; " in text
    assert "shuffling it costs 0.02 nats)." in text
    assert "not used" not in said(compare({"linear": (0.05, 1.0, 25.0)}, metrics=idle))


def test_metrics_that_junk_passes_are_told(compare) -> None:
    text = said(compare({"none": (2.0, 1.0, 25.0)}))
    assert "validity (real data 0.980, noise 0.999 and one sample, repeated 1.000); diversity (real data 0.210" in text
    assert "feature distance (" not in text
    assert "style accuracy (" not in text


def test_unequal_importance_samples_are_told(make_vae) -> None:
    runs = [read_run(make_vae(seed=seed, metrics={"importance_samples": k})) for seed, k in ((0, 50), (1, 500))]
    assert "IWAE NLL was estimated with k = 50, 500" in said(group(runs)[0])


def test_images_are_not_bars(make_vae) -> None:
    strokes = {"name": "strokes", "source": "strokes", "digest": "ab", "classes": ["A", "B"], "shape": [1, 28, 28]}
    text = said(group([read_run(make_vae(kl_low=0.01, dataset=strokes | {"levels": 255}))])[0])
    assert "training saw 512k images" in text
    assert not re.search(r"\bbars?\b", text)
