"""`python -m benchmarks.onset`: how often a rule for the onset of collapse finds one where none is, and misses one.

"maximum": modes stay at least max(2, K/10, 3 × noise) below the largest count before. "maximum, last doubled": a loss
that only the last evaluation shows must be twice as large. "as used": that, below the largest running median of three.
Simulated runs of K = 26 modes: counts around a plateau of 20, and around 24 that fall to 10 in mid-run.

E evaluations.
"""

from collections.abc import Sequence

import numpy as np

from src.evaluation.metrics.onset import LAST_ONLY, NOISE_WIDTH, evaluation_noise, mode_collapse_onset

NUM_MODES, RUNS = 26, 1000


def largest_count(modes: Sequence[int], last_only: float) -> int | None:
    """The onset, as the number of an evaluation, by the largest count before it."""
    modes_E = np.asarray(modes, dtype=float)
    margin = max(2, NUM_MODES / 10, NOISE_WIDTH * evaluation_noise(modes_E, NUM_MODES))
    best_E = np.maximum.accumulate([0.0, *modes_E])[:-1]
    for turn in range(1, len(modes_E)):
        needed = margin * (last_only if turn == len(modes_E) - 1 else 1)
        if best_E[turn] >= NUM_MODES / 2 and modes_E[turn:].max() <= best_E[turn] - needed:
            return turn
    return None


RULES = {
    "maximum": lambda modes: largest_count(modes, 1),
    "maximum, last doubled": lambda modes: largest_count(modes, LAST_ONLY),
    "as used": lambda modes: mode_collapse_onset(range(len(modes)), modes, NUM_MODES),
}


def main() -> None:
    random = np.random.default_rng(0)
    print("| evaluations | sd of one | share with an onset | " + " | ".join(RULES) + " |")
    print("|---:|---:|---|" + "---:|" * len(RULES))
    for label, start, end in (("plateau: false", 20.0, 20.0), ("24 to 10: found", 24.0, 10.0)):
        for evaluations in (8, 20, 40):
            for sd in (1.0, 2.5):
                mean_E = np.repeat([start, end], evaluations // 2)
                noise_RE = random.normal(0, sd, (RUNS, evaluations))
                runs = (mean_E + noise_RE).round().clip(0, NUM_MODES).astype(int).tolist()
                shares = [np.mean([rule(modes) is not None for modes in runs]) for rule in RULES.values()]
                print(f"| {evaluations} | {sd} | {label} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")


if __name__ == "__main__":
    main()
