"""Features against hand-counted bars and a naive reference in plain loops."""

import pytest
import torch

from src.data.drums.features import BANDS, STANDARD, Features, metrical_weights
from src.data.voices import VOICES, kit_of

NAMES = [voice.name for voice in VOICES]
WEIGHTS = metrical_weights(16, 4)


def bar(**steps: list[int]) -> torch.Tensor:
    """[1, 16, 9] from steps by voice, `closed_hat` for the closed hat."""
    grid = torch.zeros(1, 16, 9, dtype=torch.uint8)
    for name, struck in steps.items():
        grid[0, struck, NAMES.index(name.replace("_", " "))] = 1
    return grid


def of(grid: torch.Tensor) -> dict[str, float]:
    return dict(zip(STANDARD.names, STANDARD(grid)[0].tolist(), strict=True))


ROCK = bar(kick=[0, 8], snare=[4, 12], closed_hat=[0, 2, 4, 6, 8, 10, 12, 14])


def test_a_rock_bar():
    values = of(ROCK)
    assert values["kick density"] == 2 / 16
    assert values["closed hat density"] == 8 / 16
    assert values["ride density"] == 0
    assert values["backbeat"] == 1
    assert values["syncopation"] == 0
    assert values["off-beat share"] == pytest.approx(4 / 12)
    assert values["polyphony"] == pytest.approx(12 / 8)
    assert values["low energy"] == pytest.approx(2 / 12)
    assert values["mid energy"] == pytest.approx(2 / 12)
    assert values["high energy"] == pytest.approx(8 / 12)
    assert values["self-similarity"] == 1
    assert values["hat regularity"] == 1
    assert values["kick-snare interlocking"] == 1


@pytest.mark.parametrize(
    ("kick", "expected"),
    [
        ([], 0),
        ([0], 0),
        ([8], 1),  # weight 4 before the downbeat of weight 5
        ([0, 6], 2),  # weight 2, held over the middle of weight 4; the downbeat is struck
        ([0, 7], 3),
        ([15], 4),
        ([0, 3, 6, 10, 12], 4),  # the son clave: 3 over 4 and 6 over 8 by 2 each; 12 lasts until the downbeat
    ],
)
def test_syncopation_by_hand(kick, expected):
    assert of(bar(kick=kick))["syncopation"] == expected


def test_syncopation_is_heard_in_drums_and_not_in_cymbals():
    assert of(bar(ride=[7]))["syncopation"] == 0
    assert of(bar(kick=[0], low_tom=[7]))["syncopation"] == 3
    assert of(bar(kick=[0, 8], low_tom=[7]))["syncopation"] == 0


def test_hat_regularity_joins_both_hats():
    assert of(bar(closed_hat=[0, 4, 8], open_hat=[12]))["hat regularity"] == 1
    assert of(bar(closed_hat=[0, 4, 8]))["hat regularity"] == pytest.approx(2 / 3)  # 4, 4 and 8 round the bar
    assert of(bar(ride=[0, 4, 8, 12]))["hat regularity"] == 0


def test_interlocking_needs_both():
    assert of(bar(kick=[0, 4]))["kick-snare interlocking"] == 0
    assert of(bar(kick=[0, 4], snare=[4, 12]))["kick-snare interlocking"] == pytest.approx(2 / 3)


def test_empty_bars_and_silent_voices_have_features():
    values = of(bar())
    assert values.pop("self-similarity") == 1
    assert set(values.values()) == {0}
    assert STANDARD(torch.cat([ROCK, bar(crash=[3]), bar()])).isfinite().all()


def naive(grid: list[list[int]]) -> list[float]:
    """The definitions for one bar, read off one by one."""
    cells = [(t, v) for t in range(16) for v in range(9) if grid[t][v]]
    kick, snare = ([grid[t][v] for t in range(16)] for v in (0, 1))
    drums = [any(grid[t][v] for v in (0, 1, 4, 5, 6)) for t in range(16)]
    hats = [any(grid[t][v] for v in (2, 3)) for t in range(16)]
    syncopation = 0
    for t in (t for t in range(16) if drums[t]):
        rests = []
        for later in range(t + 1, t + 16):
            if drums[later % 16]:
                break
            rests.append(WEIGHTS[later % 16])
        syncopation += max(0, max(rests, default=0) - WEIGHTS[t])
    distances = []
    for t in (t for t in range(16) if hats[t]):
        distances.append(next(d for d in range(1, 17) if hats[(t + d) % 16]))
    first, second = ({(t - start, v) for t, v in cells if start <= t < start + 8} for start in (0, 8))
    either = sum(k or s for k, s in zip(kick, snare, strict=True))
    one = sum(k != s for k, s in zip(kick, snare, strict=True))
    total = max(len(cells), 1)
    return [
        *(sum(row[v] for row in grid) / 16 for v in range(9)),
        (snare[4] + snare[12]) / 2,
        syncopation,
        sum(t % 4 != 0 for t, _ in cells) / total,
        len(cells) / max(len({t for t, _ in cells}), 1),
        *(sum(v in voices for _, v in cells) / total for voices in BANDS.values()),
        len(first & second) / len(first | second) if cells else 1,
        max(map(distances.count, distances), default=0) / max(len(distances), 1),
        one / either if any(kick) and any(snare) else 0,
    ]


@pytest.mark.parametrize("density", [0.03, 0.13, 0.5, 0.97])
def test_naive_reference(density):
    grids = torch.rand(100, 16, 9, generator=torch.Generator().manual_seed(0)) < density
    torch.testing.assert_close(STANDARD(grids), torch.tensor([naive(grid) for grid in grids.int().tolist()]))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_any_kind_of_hit_counts(dtype):
    assert torch.equal(STANDARD(ROCK.to(dtype)), STANDARD(ROCK))


def test_bands_hold_every_voice_once():
    assert sorted(voice for band in BANDS.values() for voice in band) == list(range(len(VOICES)))


def test_metrical_weights():
    assert WEIGHTS == (5, 1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1), "Longuet-Higgins & Lee's, from 1"
    assert metrical_weights(12, 3) == (4, 1, 1, 2, 1, 1, 3, 1, 1, 2, 1, 1), "12/8: triplets are not divided"
    assert metrical_weights(32, 4)[16] == metrical_weights(32, 4)[0] - 1 == 5, "the second bar is lighter"
    assert metrical_weights(10, 4) == (3, 1, 2, 1, 3, 1, 2, 1, 3, 1), "it ends within a beat"


def test_what_a_kit_lacks_is_left_out_and_named():
    few = Features(kit_of(("kick", "clap", "cowbell"), 6), 24)
    assert few.names == ("kick density", "clap density", "cowbell density", *few.names[3:])
    assert {*few.names[3:]} == {"syncopation", "off-beat share", "polyphony", "low energy", "self-similarity"}
    assert few.left_out == (
        "backbeat (no snare)",
        "mid energy (no snare, mid or high tom)",
        "high energy (no hat or cymbal)",
        "hat regularity (no hat)",
        "kick-snare interlocking (no kick and snare)",
    )
    grids = torch.zeros(2, 24, 3)
    grids[0, [0, 6, 12, 18], 0] = 1
    values = dict(zip(few.names, few(grids)[0].tolist(), strict=True))
    assert values["kick density"] == pytest.approx(4 / 24)
    assert values["off-beat share"] == values["syncopation"] == 0
    assert Features(VOICES, 16).left_out == ()


@pytest.mark.parametrize("steps", [8, 11, 12, 24, 64])
@pytest.mark.parametrize("voices", [2, 5, 9, 32])
def test_any_size_has_finite_features(steps: int, voices: int):
    names = tuple(NAMES[:voices]) + tuple(f"part {number}" for number in range(voices - 9))
    measure = Features(kit_of(names), steps)
    grids = torch.rand(20, steps, voices, generator=torch.Generator().manual_seed(0)) < 0.3
    assert measure(grids).shape == (20, len(measure.names))
    assert measure(grids).isfinite().all()


def test_a_wider_kit_has_the_same_features_of_the_usual_voices():
    grids = torch.rand(20, 16, 9, generator=torch.Generator().manual_seed(0)) < 0.3
    wide = Features(kit_of((*NAMES, "cowbell")), 16)
    values = wide(torch.cat([grids, torch.zeros(20, 16, 1)], 2))
    kept = [index for index, name in enumerate(wide.names) if name != "cowbell density"]
    torch.testing.assert_close(values[:, kept], STANDARD(grids))
