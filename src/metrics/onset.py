"""What counts as collapse of the posterior, and when either collapse set in."""

from collections.abc import Sequence

ACTIVE_NATS = 0.1  # mean KL above which a latent dimension is active; a level below it has collapsed


def mode_collapse_onset(images_seen: Sequence[int], modes: Sequence[int], num_modes: int) -> int | None:
    """Images seen at the first evaluation from which on modes stay lost.

    Lost means at least max(2, `num_modes` / 10) below the best count reached before. None if no loss lasts until the
    end; 0 if the run never covered half the modes.
    """
    if max(modes) < num_modes / 2:
        return 0
    margin = max(2, num_modes / 10)
    for first in range(1, len(modes)):
        best = max(modes[:first])
        if all(later <= best - margin for later in modes[first:]):
            return images_seen[first]
    return None


def posterior_collapse_onset(images_seen: Sequence[int], kl: Sequence[float], threshold: float) -> int | None:
    """Images seen at the first evaluation from which a level's KL stays under `threshold` nats to the end, or None."""
    onset = None
    for seen, nats in zip(reversed(images_seen), reversed(kl), strict=True):
        if nats >= threshold:
            break
        onset = seen
    return onset
