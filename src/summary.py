"""The table at the end of a run."""

from typing import Any

from rich.console import Console
from rich.table import Table

SHOWN = {
    "modes": "d",
    "recognisable": ".3f",
    "kl": ".3f",
    "kl_floor": ".4f",
    "effective_modes": ".1f",
    "top_share": ".3f",
    "fid": ".2f",
    "precision": ".3f",
    "recall": ".3f",
    "density": ".3f",
    "coverage": ".3f",
    "vendi": ".1f",
}


def print_summary(results: dict[str, Any]) -> None:
    """Prints the final metrics beside those of the controls."""
    dataset = results["dataset"]
    table = Table(title=f"{results['name']} · seed {results['seed']} · {dataset['source']} {dataset['digest'][:8]}")
    columns = {"this run": results["metrics"]} | results["controls"]
    table.add_column("test split")
    for heading in columns:
        table.add_column(heading, justify="right")
    for name, form in SHOWN.items():
        table.add_row(name, *(format(metrics[name], form) for metrics in columns.values()))
    missing = " ".join(results["metrics"]["missing"]) or "none"
    table.caption = (
        f"{results['metrics']['num_samples']:,} samples · "
        f"missing: {missing} · collapse onset: {results['onset']} · oracle accuracy "
        f"{results['oracle_accuracy']:.3f} · {results['images_per_second']:,.0f} images/s in training"
    )
    Console().print(table)
