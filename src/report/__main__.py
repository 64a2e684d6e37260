"""`python -m src.report FOLDER…`: rebuilds the report from run folders, finished or not, and from stored results."""

import argparse
import sys
from collections.abc import Sequence

from src.core.console import announce_import, log_to_stderr, make_output_lossy
from src.core.files import user_path


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when a report was written, 1 after a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m src.report", description=__doc__.partition(": ")[2])
    parser.add_argument(
        "folders",
        nargs="*",
        type=user_path,
        metavar="FOLDER",
        help="a run, a sweep, or a folder of them",
    )
    parser.add_argument("--out", type=user_path, help="where to write (default: report/ in the first FOLDER)")
    parser.add_argument("--baseline", metavar="NAME", help="the name that the others are compared with")
    parser.add_argument(
        "--from", dest="tables", action="append", default=[], type=user_path, metavar="CSV", help="add stored results"
    )
    parser.add_argument("--to", type=user_path, metavar="CSV", help="store the folders' runs there, a row per run")
    options = parser.parse_args(arguments)
    if not (options.folders or options.tables):
        parser.error("name a FOLDER or --from CSV")
    announce_import("matplotlib", "Matplotlib")
    # Imported late: options are checked without what takes seconds.
    from src.report.collect import ReportError, collect
    from src.report.stored import store

    try:
        if options.to:
            print(f"{store(collect(options.folders), options.to)} runs stored in {options.to}")
            return 0
        from src.report.write import write_report

        report = write_report(options.folders, options.out, options.baseline, options.tables)
    except (ReportError, OSError) as mistake:
        print(f"report: {mistake}", file=sys.stderr)
        return 1
    completed = sum(run.completed for run in report.runs)
    print(f"{completed} of {len(report.runs)} runs completed: {report.page}")
    return 0


if __name__ == "__main__":
    make_output_lossy()
    log_to_stderr()
    sys.exit(main())
