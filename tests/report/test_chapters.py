"""What runs on drum bars were examined for stands in the report, where they were."""

import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.core.levels import OF_TWO
from src.core.metric_topics import COPIES, music
from src.data.drums.audio import BEAT
from src.data.drums.synthesis import write_wav
from src.report.chapters import chapters, contrasts
from src.report.collect import collect, read_run
from src.report.document import Audio, Table, flat, markdown
from src.report.grouping import group
from src.report.page import compose
from src.report.search import tuning
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")

EXAMINED = {
    "named_high": 2,
    "named_low": 1,
    "mig": 0.25,
    "style_probe_high": 0.9,
    "transfer_high": 0.4,
    "transfer_copy": 0.0,
    "told_apart": 0.62,
    "copied": 0.1,
}
LATENTS = [
    {"level": "high", "dimension": 0, "text": "z_high[0]: ride density, ρ 0.80"},
    {"level": "high", "dimension": 1, "text": "z_high[1]: inactive"},
    {"level": "low", "dimension": 0, "text": "z_low[0]: no single feature"},
    {"level": "low", "dimension": 1},
]


def said(folder: Path) -> str:
    return markdown(compose(group(collect([folder])), folder))


def test_examined_runs_have_their_chapters(make_vae, tmp_path: Path) -> None:
    for strategy in ("none", "linear"):
        for seed in range(3):
            make_vae(strategy, seed, metrics=EXAMINED, latents=LATENTS)
    text = said(tmp_path)
    for heading in ("What each latent dimension controls", "Style transfer and interpolation", "Is it musical?"):
        assert f"### {heading}" in text
    assert "### Can it be controlled?" not in text, "nothing of it was measured"
    assert "| `linear` | 0 | z_high[0]: ride density, ρ 0.80 |" in text
    assert "z_high[1]" not in text
    assert text.count("| C2ST accuracy") == 1, "in its chapter, and not among the other quantities again"


def test_a_chapter_is_answered_by_its_deciding_metric(make_vae, tmp_path: Path) -> None:
    """By the interval of the difference over seeds; one seed settles nothing, whatever it shows."""
    probes = {"none": (0.3, 0.5, 3), "linear": (0.9, 0.4, 3), "geco": (0.6, 0.6, 3), "cyclical": (0.9, 0.1, 1)}
    for strategy, (high, low, seeds) in probes.items():
        for seed in range(seeds):
            noise = 0.01 * (seed - 1)
            metrics = EXAMINED | {"style_probe_high": high + noise, "style_probe_low": low - noise / 2}
            make_vae(strategy, seed, metrics=metrics)
    (section,) = group(collect([tmp_path]))
    hierarchy = next(chapter for chapter in music([OF_TWO]) if chapter.key == "style_probe_high")
    found = contrasts(section, hierarchy)
    assert {kind: {one.label for one in group} for kind, group in found.items()} == {
        "yes": {"linear"},
        "no": {"none"},
        "unclear": {"geco", "cyclical"},
    }
    (best,) = found["yes"]
    assert (best.value, best.against) == (pytest.approx(0.9), pytest.approx(0.4))
    parts = {part.heading: part for part in chapters(section)}
    assert parts[hierarchy.heading].answer.startswith("Z_high tells the style better than z_low does under `linear`")


def test_codes_that_predict_nothing_control_nothing(make_vae) -> None:
    runs = [{"control_density_correlation": value} for value in (0.5, 0.52, 0.51, *[None] * 5)]
    (section,) = group([read_run(make_vae("none", seed, metrics=one)) for seed, one in enumerate(runs)])
    chapter = next(one for one in section.family.chapters if one.key == "control_density_correlation")
    ((found,),) = contrasts(section, chapter).values()
    assert found.value == pytest.approx(1.53 / 8)


def test_copies_are_compared_with_held_out_data_of_the_same_run(make_run, tmp_path: Path) -> None:
    """A model that repeats training data, one that does not, and one of which only stored results are left."""
    shares = {"standard": (0.4, 0.02), "r1": (0.01, 0.02), "r2": (0.4, None)}
    for trick, (share, real) in shares.items():
        for seed in range(3):
            controls = {} if real is None else {"real": {"memorised": real}, "train": {"memorised": 1.0}}
            metrics = {"modes": 26, "missing": [], "memorised": share + 0.001 * seed, "authenticity": 0.5, "c_t": -0.5}
            make_run(f"gan_{trick}", seed, metrics=metrics, controls=controls)
    (section,) = group(collect([tmp_path]))
    found = contrasts(section, COPIES)
    assert {kind: [one.label for one in group] for kind, group in found.items()} == {
        "yes": ["gan_standard"],
        "no": ["gan_r1"],
    }
    (part,) = (part for part in chapters(section) if part.heading == COPIES.heading)
    assert part.answer.startswith(
        "Samples repeat training data more often than unseen real data do under `gan_standard`"
    )
    assert "0.401 against 0.020" in part.answer
    (table,) = (block for block in part.blocks if isinstance(block, Table))
    assert [row[0].text for row in table.rows][-2:] == ["real, held out", "training data"]


def test_runs_that_were_not_examined_have_none(annealing: Path) -> None:
    text = said(annealing)
    assert "### Is it musical?" not in text
    assert "### What each latent dimension controls" not in text


def test_the_page_plays_samples_and_survives_a_damaged_sound(make_vae, tmp_path: Path) -> None:
    for seed, strategy in enumerate(("none", "linear")):
        run = make_vae(strategy, seed, metrics=EXAMINED)
        write_wav(run / "samples" / "prior_bars.wav", np.sin(np.arange(44_100) / 50).astype(np.float32))
    page = write_report([tmp_path]).page.read_text()
    assert page.count('<audio controls preload="metadata" src="data:audio/wav;base64,') == 2
    whole = (run / "samples" / "prior_bars.wav").read_bytes()
    (run / "samples" / "prior_bars.wav").write_bytes(b"RIFF")
    assert write_report([tmp_path]).page.read_text().count("<audio") == 1
    silent, rushed = (whole[:24] + rate.to_bytes(4, "little") + whole[28:] for rate in (0, 2**31))
    for damaged in (whole[:30], silent, rushed):
        (run / "samples" / "prior_bars.wav").write_bytes(damaged)
        assert read_run(run).sound("prior_bars") is None


def test_the_page_plays_what_the_latents_do(make_vae, tmp_path: Path) -> None:
    """A traversal, a transfer and the hierarchy, as many bars of each as are told apart."""
    for strategy in ("none", "linear"):
        run = make_vae(strategy, 0, metrics=EXAMINED)
        for stem in ("prior", "traversal_high", "traversal_low", "hierarchy", "transfer"):
            write_wav(run / "samples" / f"{stem}_bars.wav", np.sin(np.arange(12 * 44_100) / 50).astype(np.float32))
    page = write_report([tmp_path]).page.read_text()
    played = re.findall(r'src="data:audio/wav;base64,([^"]*)"></audio><figcaption>([^<]*<[^<]*<[^<]*)<', page)
    bar = 4 * BEAT * 22_050 * 4 / 3  # characters
    bars = Counter((round(len(source) / bar), caption.split(": ")[1]) for source, caption in played)
    assert bars == {
        (3, "the most active dimension of z_high at −2 σ, the typical bar, and at +2 σ."): 2,
        (4, "two bars with one z_high, then two with one z_low."): 2,
        (4, "source, target, the source with the target&#39;s z_high, and with the target&#39;s z_low."): 2,
        (2, "two bars drawn from the prior."): 2,
    }
    assert "source, target, the source with" in said(tmp_path)
    (section,) = group(collect([tmp_path]))
    ranks: dict[str, set[int]] = {}
    for audio in flat(chapters(section)):
        if isinstance(audio, Audio):
            ranks.setdefault(audio.caption.split(": ")[1][:11], set()).add(audio.rank)
    assert ranks.pop("two bars dr") == {1, 2}, "of a better name before those of a worse one"
    assert list(ranks.values()) == [{2, 3}] * 3, "and samples before what explains them"


@pytest.mark.ci
def test_of_many_names_those_that_do_most_are_pictured(make_vae, tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "png")
    for number in range(10):
        run = make_vae(f"s{number}" if number else "none", 0, metrics={**EXAMINED, "named_high": number})
        (run / "samples" / "traversal_high.png").write_bytes(picture.getvalue())
    text = said(tmp_path)
    assert "Pictures of none and the 4 names with the highest “named, high”" in text
    shown = [f"s{n}" for n in range(10) if f"_s{n}_traversal_high.png" in text]
    assert shown == ["s6", "s7", "s8", "s9"]
    assert "_none_traversal_high.png" in text


# Learning rates that a sweep chose


HEADER = "recipe,metric,rate,beta1,default,seeds,values,mean,chosen,overrides"
ROWS = (
    "gan_fm,kl_late,0.0005,0.5,yes,1000 1001,0.3 0.5,0.4,no,",
    "gan_fm,kl_late,0.001,0,no,1000 1001,0.1 0.2,0.15,yes,gan.generator_optimizer.lr=0.001",
)


def test_the_report_shows_the_choice_and_leaves_out_the_trials(study: Path, make_run):
    (study / "tuning.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    (study / "jobs.json").write_text('{"jobs": []}')
    (study / "tuning").mkdir()
    (study / "tuning" / "jobs.json").write_text(
        '{"jobs": [{"folder": "waiting", "name": "gan_fm rate=0.004", "overrides": ["seed=1001"]}]}'
    )
    make_run("gan_fm", 1000, folder="tuning/gan_fm_rate-0.001")
    report = write_report([study])
    text = (report.folder / "report.md").read_text()
    assert "Learning rates" in text
    assert "| 0.001 | 0 | kl_late | 0.15 | 0.1 0.2 |" in text
    assert "All 2 settings tried" in text
    assert "The best rate of `gan_fm` is the highest or the lowest tried" in text
    assert {run.seed for run in report.runs} <= {0, 1, 2, 3}
    assert "waiting" not in text
    assert [run.seed for run in write_report([study / "tuning"]).runs] == [1000, 1001], "on their own they are runs"


@pytest.mark.parametrize("content", [None, "", HEADER, "recipe\ngan_fm", f"{HEADER}\n{ROWS[0]}", "\0"])
def test_nothing_is_shown_without_a_choice(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "tuning.csv").write_text(content)
    assert tuning(tmp_path) == []
