"""`python -m src.sample RUN`: draws samples from a finished run's checkpoint."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from hydra.utils import instantiate

from src import pictures
from src.data.spec import DataSpec
from src.mistakes import MISTAKES, message
from src.record import read_record


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when the samples were written, 1 after a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m src.sample", description="Draws samples from a run's checkpoint.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--num", type=int, default=160, help="how many (default: 160)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="last")
    parser.add_argument("--out", type=Path, help="the picture (default: RUN/samples/drawn_SEED.png)")
    options = parser.parse_args(arguments)
    try:
        if options.num < 1:
            raise ValueError(f"--num {options.num}: draw at least one sample")
        out = options.out or options.run / "samples" / f"drawn_{options.seed}.png"
        model = restored(options.run, options.checkpoint)
        pictures.save(pictures.grid(model.sample(options.num, options.seed), columns=min(16, options.num)), out)
    except (*MISTAKES, OSError) as mistake:
        print(f"error: {message(mistake)}", file=sys.stderr)
        return 1
    print(out)
    return 0


def restored(run: Path, checkpoint: str) -> torch.nn.Module:
    """The model of a run, on the CPU, with the weights of its `last` or `best` checkpoint."""
    record = read_record(run)
    path = run / "checkpoints" / f"{checkpoint}.ckpt"
    if not path.is_file() or not (run / "results.json").is_file():
        raise FileNotFoundError(f"{run}: not finished, there is no checkpoints/{checkpoint}.ckpt beside a results.json")
    dataset = json.loads((run / "results.json").read_text())["dataset"]
    model = instantiate(record.config.model)(spec=DataSpec(**dataset))
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    return model


if __name__ == "__main__":
    sys.exit(main())
