"""Musical features of one-bar drum grids.

N bars, T steps, V voices, F features, G gaps between notes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from src.data.voices import CLOSED_HAT, CRASH, HIGH_TOM, KICK, LOW_TOM, MID_TOM, OPEN_HAT, RIDE, SNARE, VOICES, Voice

STEPS = 16
BEATS = (0, 4, 8, 12)
BACKBEATS = (4, 12)
METRICAL_WEIGHTS = (5, 1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1)

DRUMS = (KICK, SNARE, LOW_TOM, MID_TOM, HIGH_TOM)
HATS = (CLOSED_HAT, OPEN_HAT)
BANDS = {"low": (KICK, LOW_TOM), "mid": (SNARE, MID_TOM, HIGH_TOM), "high": (CLOSED_HAT, OPEN_HAT, CRASH, RIDE)}

FEATURES = (
    *(f"{voice.name} density" for voice in VOICES),
    "backbeat",
    "syncopation",
    "off-beat share",
    "polyphony",
    *(f"{band} energy" for band in BANDS),
    "self-similarity",
    "hat regularity",
    "kick-snare interlocking",
)


def feature_names(voices: Sequence[Voice]) -> tuple[str, ...]:
    """`FEATURES` with the names of these voices."""
    return (*(f"{voice.name} density" for voice in voices), *FEATURES[len(VOICES) :])


def features(grids_NTV: Tensor) -> Tensor:
    """Float [N, F] in the order of `FEATURES`, from hits (0 or 1) on 16 steps.

    Densities are hits per step, the backbeat is the share of steps 4 and 12 with a snare, energies and the off-beat
    share are shares of all hits, polyphony is hits per step with a hit. For an empty bar the self-similarity is 1 and
    all else 0.
    """
    hits_NTV = grids_NTV.bool()
    kick_NT, snare_NT = hits_NTV[..., KICK], hits_NTV[..., SNARE]
    columns = [
        *hits_NTV.float().mean(1).unbind(1),
        snare_NT[:, BACKBEATS].float().mean(1),
        syncopation(hits_NTV[..., DRUMS].any(2)),
        1 - _share(hits_NTV[:, BEATS], hits_NTV, empty=1),  # 0 for an empty bar
        _share(hits_NTV, hits_NTV.any(2), empty=0),
        *(_share(hits_NTV[..., voices], hits_NTV, empty=0) for voices in BANDS.values()),
        self_similarity(hits_NTV),
        regularity(hits_NTV[..., HATS].any(2)),
        interlocking(kick_NT, snare_NT),
    ]
    return torch.stack(columns, 1)


def syncopation(line_NT: Tensor) -> Tensor:
    """Sum [N] over notes of the metrical weight by which the heaviest rest before the next note exceeds the note.

    Longuet-Higgins & Lee 1984, "The rhythmic interpretation of monophonic music"; the bar is cyclic. A grid's line is
    that of all drums together, without cymbals.
    """
    weights_T = torch.tensor(METRICAL_WEIGHTS, device=line_NT.device)
    steps_T = torch.arange(STEPS, device=line_NT.device)
    rests_TG = weights_T[(steps_T[:, None] + steps_T) % STEPS]
    rests_TG[:, 0] = 0  # a gap of one step holds no rest
    heaviest_TG = rests_TG.cummax(1).values
    surplus_NT = heaviest_TG[steps_T, _gaps(line_NT) - 1] - weights_T
    return (line_NT * surplus_NT.clamp(min=0)).sum(1).float()


def self_similarity(hits_NTV: Tensor) -> Tensor:
    """Jaccard similarity [N] of the bar's halves; 1 for an empty bar."""
    first, second = hits_NTV.chunk(2, 1)
    return _share(first & second, first | second, empty=1)


def regularity(line_NT: Tensor) -> Tensor:
    """Share [N] of the most frequent distance from note to next note, cyclically; 0 without notes."""
    gap_NT = torch.where(line_NT, _gaps(line_NT), 0)
    count_NG = torch.nn.functional.one_hot(gap_NT, STEPS + 1).sum(1)[:, 1:]
    return count_NG.amax(1) / line_NT.sum(1).clamp(min=1)


def interlocking(kick_NT: Tensor, snare_NT: Tensor) -> Tensor:
    """Share [N] of the steps with kick or snare that have only one of them; 0 if either never sounds."""
    alone_N = _share(kick_NT ^ snare_NT, kick_NT | snare_NT, empty=0)
    return alone_N * (kick_NT.any(1) & snare_NT.any(1))


def _gaps(line_NT: Tensor) -> Tensor:
    """Steps [N, T] from each step to the next note after it, cyclically: 1 to T."""
    later_NTG = torch.stack([line_NT.roll(-gap, 1) for gap in range(1, STEPS + 1)], 2)
    return later_NTG.byte().argmax(2) + 1


def _share(part: Tensor, whole: Tensor, empty: float) -> Tensor:
    """Hits in `part` per hit in `whole` [N], `empty` where `whole` has none."""
    total_N = whole.flatten(1).sum(1)
    return torch.where(total_N > 0, part.flatten(1).sum(1) / total_N.clamp(min=1), empty)
