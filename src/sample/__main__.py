"""`python -m src.sample RUN key=value…`: draws samples from a finished run's checkpoint."""

import argparse
import sys
from collections.abc import Sequence

from src.core.console import announce_import, log_to_stderr, make_output_lossy
from src.core.errors import USER_ERRORS, message
from src.core.files import user_path
from src.sample.options import OPTIONS, parsed
from src.training.run_record import read_record

EXAMPLE = "python -m src.sample RUN style=jazz bars=8 bpm=110"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 when the samples were written, 1 after a user error."""
    listed = "\n".join(f"  {name + '=':<12}{option.help}" for name, option in OPTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m src.sample",
        description="Draws samples from a run's checkpoint, of drums also as MIDI and sound.",
        epilog=f"keys with their defaults:\n{listed}\n\nexample: {EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=user_path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("words", nargs="*", metavar="key=value", help="see below")
    options = parser.parse_args(arguments)
    try:
        chosen = parsed(options.words)
        read_record(options.run)
        announce_import("torch", "PyTorch")
        from src.sample.draw import draw  # imported late: options are checked without what takes seconds

        files = draw(options.run, chosen)
    except USER_ERRORS as error:
        print(f"error: {message(error)}", file=sys.stderr)
        return 1
    print(*files, sep="\n")
    return 0


if __name__ == "__main__":
    make_output_lossy()
    log_to_stderr()
    sys.exit(main())
