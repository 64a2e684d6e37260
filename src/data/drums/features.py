"""Musical features of drum grids.

N bars, T steps, V voices, F features, G gaps between notes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from src.data.voices import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    RIDE,
    SNARE,
    VOICES,
    Kit,
    roles_of,
)

DRUMS = (KICK, SNARE, LOW_TOM, MID_TOM, HIGH_TOM)
HATS = (CLOSED_HAT, OPEN_HAT)
BANDS = {"low": (KICK, LOW_TOM), "mid": (SNARE, MID_TOM, HIGH_TOM), "high": (CLOSED_HAT, OPEN_HAT, CRASH, RIDE)}
PIECES = {"low": "kick or low tom", "mid": "snare, mid or high tom", "high": "hat or cymbal"}


class Features:
    """Float features [N, F] of grids [N, T, V] of one kit and length, from hits (0 or 1).

    Densities are hits per step, the backbeat is the share of every second beat with a snare, energies and the off-beat
    share are shares of all hits, polyphony is hits per step with a hit. For an empty bar the self-similarity is 1 and
    all else 0. What needs a piece that the kit lacks, or what would be constant, is left out.

    Attributes:
        names: of the F features.
        left_out: the other features, each with the reason.
    """

    def __init__(self, kit: Kit, num_steps: int):
        roles = roles_of(kit)

        def columns(*pieces: int) -> list[int]:
            return [roles[piece] for piece in pieces if piece in roles]

        beats = list(range(0, num_steps, kit.steps_per_beat))
        kick, snare, drums, hats = columns(KICK), columns(SNARE), columns(*DRUMS), columns(*HATS)
        weights = metrical_weights(num_steps, kit.steps_per_beat)
        candidates: list[tuple[str, str, Callable[[Tensor], Tensor]]] = [  # name, what is lacking, of hits
            (
                "backbeat",
                ("" if snare else "no snare") if beats[1::2] else "a single beat",
                lambda hits: hits[:, beats[1::2]][..., snare[0]].float().mean(1),
            ),
            (
                "syncopation",
                "" if drums else "no kick, snare or tom",
                lambda hits: syncopation(hits[..., drums].any(2), weights),
            ),
            (
                "off-beat share",
                "" if kit.steps_per_beat > 1 else "every step is a beat",
                lambda hits: 1 - _share(hits[:, beats], hits, empty=1),  # 0 for an empty bar
            ),
            ("polyphony", "", lambda hits: _share(hits, hits.any(2), empty=0)),
            *(
                (f"{band} energy", "" if found else f"no {PIECES[band]}", _energy(found))
                for band, found in ((band, columns(*pieces)) for band, pieces in BANDS.items())
            ),
            ("self-similarity", "", self_similarity),
            ("hat regularity", "" if hats else "no hat", lambda hits: regularity(hits[..., hats].any(2))),
            (
                "kick-snare interlocking",
                "" if kick and snare else "no kick and snare",
                lambda hits: interlocking(hits[..., kick[0]], hits[..., snare[0]]),
            ),
        ]
        self.measures = [measure for _, lacking, measure in candidates if not lacking]
        found = [name for name, lacking, _ in candidates if not lacking]
        self.names = (*(f"{voice.name} density" for voice in kit), *found)
        self.left_out = tuple(f"{name} ({lacking})" for name, lacking, _ in candidates if lacking)

    def __call__(self, grids_NTV: Tensor) -> Tensor:
        hits_NTV = grids_NTV.bool()
        densities = hits_NTV.float().mean(1).unbind(1)
        return torch.stack([*densities, *(measure(hits_NTV) for measure in self.measures)], 1)


def metrical_weights(num_steps: int, steps_per_beat: int) -> tuple[int, ...]:
    """The number of metrical levels that each step begins: 5, 1, 2, 1, 3, … in 16 steps of four to the beat.

    The levels are the grid, its beats grouped by the factors of their number, and the beat divided by the factors of
    its steps, the smallest factors first. A grid that ends within a beat has the levels of its beats only.
    """
    periods = [steps_per_beat]
    beats, rest = divmod(num_steps, steps_per_beat)
    for factor in [] if rest else reversed(factors(beats)):
        periods.append(periods[-1] * factor)
    for factor in factors(steps_per_beat):
        periods.append(min(periods) // factor)
    return tuple(sum(step % period == 0 for period in periods) for step in range(num_steps))


def factors(number: int) -> list[int]:
    """The prime factors, the smallest first."""
    for factor in range(2, number + 1):
        if number % factor == 0:
            return [factor, *factors(number // factor)]
    return []


def syncopation(line_NT: Tensor, weights: tuple[int, ...]) -> Tensor:
    """Sum [N] over notes of the metrical weight by which the heaviest rest before the next note exceeds the note.

    Longuet-Higgins & Lee 1984, "The rhythmic interpretation of monophonic music"; the bar is cyclic. A grid's line is
    that of all drums together, without cymbals.
    """
    weights_T = torch.tensor(weights, device=line_NT.device)
    steps_T = torch.arange(len(weights), device=line_NT.device)
    rests_TG = weights_T[(steps_T[:, None] + steps_T) % len(weights)]
    rests_TG[:, 0] = 0  # a gap of one step holds no rest
    heaviest_TG = rests_TG.cummax(1).values
    surplus_NT = heaviest_TG[steps_T, _gaps(line_NT) - 1] - weights_T
    return (line_NT * surplus_NT.clamp(min=0)).sum(1).float()


def self_similarity(hits_NTV: Tensor) -> Tensor:
    """Jaccard similarity [N] of the bar's halves, without the middle of an odd number of steps; 1 for an empty bar."""
    first, second = halves(hits_NTV)
    return _share(first & second, first | second, empty=1)


def regularity(line_NT: Tensor) -> Tensor:
    """Share [N] of the most frequent distance from note to next note, cyclically; 0 without notes."""
    gap_NT = torch.where(line_NT, _gaps(line_NT), 0)
    count_NG = torch.nn.functional.one_hot(gap_NT, line_NT.shape[1] + 1).sum(1)[:, 1:]
    return count_NG.amax(1) / line_NT.sum(1).clamp(min=1)


def interlocking(kick_NT: Tensor, snare_NT: Tensor) -> Tensor:
    """Share [N] of the steps with kick or snare that have only one of them; 0 if either never sounds."""
    alone_N = _share(kick_NT ^ snare_NT, kick_NT | snare_NT, empty=0)
    return alone_N * (kick_NT.any(1) & snare_NT.any(1))


def halves(grids_NTV: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the last ⌊T/2⌋ steps."""
    half = grids_NTV.shape[1] // 2
    return grids_NTV[:, :half], grids_NTV[:, -half:]


def _energy(columns: list[int]) -> Callable[[Tensor], Tensor]:
    """Share of the hits in these columns."""
    return lambda hits_NTV: _share(hits_NTV[..., columns], hits_NTV, empty=0)


def _gaps(line_NT: Tensor) -> Tensor:
    """Steps [N, T] from each step to the next note after it, cyclically: 1 to T."""
    later_NTG = torch.stack([line_NT.roll(-gap, 1) for gap in range(1, line_NT.shape[1] + 1)], 2)
    return later_NTG.byte().argmax(2) + 1


def _share(part: Tensor, whole: Tensor, empty: float) -> Tensor:
    """Hits in `part` per hit in `whole` [N], `empty` where `whole` has none."""
    total_N = whole.flatten(1).sum(1)
    return torch.where(total_N > 0, part.flatten(1).sum(1) / total_N.clamp(min=1), empty)


STANDARD = Features(VOICES, 16)
