"""What runs of earlier versions did not record, derived from what they did."""

from dataclasses import replace

import numpy as np

from src.core.plain_data import is_number
from src.evaluation.metrics.onset import ACTIVE_NATS, NEVER_HALF, onset_reason
from src.evaluation.metrics.outcome import LevelState, lasting_loss, mode_outcome
from src.report.records import Run, is_names

LITTLE = ACTIVE_NATS / 2
COLUMNS = ("images_seen", "modes", "modes_any", "effective_modes", "recognisable")


def with_outcome(run: Run) -> Run:
    """The run with an outcome, if it completed and recorded none, and with the onset that belongs to it.

    A GAN's follow from the modes in its history. Onsets were defined otherwise, and 0 where half the modes were never
    covered; without a history only this is known. Of a VAE it is known only that a level has collapsed, or has no
    effect because its use or its information is next to nothing: shuffled pairs to compare with were not recorded.
    """
    if run.model == "vae" and run.completed and "without_effect" not in run.metrics:
        idle = [
            level
            for level in ("high", "low")
            if level not in run.names("collapsed")
            and any(run.scalars.get(f"{key}_{level}", ACTIVE_NATS) < LITTLE for key in ("usage", "mi"))
        ]
        run = replace(run, metrics={**run.metrics, "without_effect": idle}) if idle else run
    if run.outcome or not run.completed:
        return run
    if run.model == "vae":
        return replace(run, outcome=LevelState.COLLAPSED if run.names("collapsed") else None)
    modes, missing = run.metrics.get("modes"), run.metrics.get("missing")
    if not (run.history.has("modes") and is_number(modes) and is_names(missing)):
        return replace(run, onset=None, onset_reason=NEVER_HALF) if run.onset == 0 else run
    num_modes = int(modes) + len(missing)
    table = np.column_stack([run.history.column(key) for key in COLUMNS])
    table = table[np.isfinite(table[:, :2]).all(1)]
    rows = [dict(zip(COLUMNS, values, strict=True)) for values in table.tolist()]
    return replace(
        run,
        outcome=mode_outcome(rows, num_modes),
        onset=lasting_loss(rows, num_modes),
        onset_reason=onset_reason(table[:, 1].tolist(), num_modes),
    )
