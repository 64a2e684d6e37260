"""Prints the table of results at the end of a run."""

from typing import Any

from rich.console import Console
from rich.table import Table

from src.core.dataset import Dataset
from src.core.metric_families import family
from src.core.metric_specs import compact, listed, metric_spec, ordered
from src.core.plain_data import is_number

LEAST_WIDTH = 60  # columns, where COLUMNS says fewer
CONTROLS = ("real", "blurred", "noise", "superposed", "single")
SAMPLE_SIZES = {"num_samples", "num_held_out", "importance_samples"}


def print_summary(results: dict[str, Any]) -> None:
    """Prints the final metrics beside those of some controls; results.json has all."""
    dataset = results["dataset"]
    table = Table(title=f"{results['name']} · seed {results['seed']} · {dataset['source']} {dataset['digest'][:8]}")
    controls = {name: results["controls"][name] for name in CONTROLS if name in results["controls"]}
    columns = {"this run": results["metrics"]} | controls
    table.add_column("test split")
    for heading in columns:
        table.add_column(heading, justify="right")
    for key in _rows(results):
        table.add_row(_label(key, _unit(results)), *(_text(key, metrics) for metrics in columns.values()))
    table.caption = " · ".join(_gan_facts(results) if results["model"] == "gan" else _vae_facts(results))
    Console(width=max(Console().width, LEAST_WIDTH)).print(table)


def _rows(results: dict[str, Any]) -> list[str]:
    """Keys of all measured numbers: the family's main metrics first, then in the order of metric_specs."""
    measured = {key for key, value in results["metrics"].items() if is_number(value)} - SAMPLE_SIZES
    main = [key for key in family(results["model"], measured).main if key in measured]
    return main + ordered(measured - {*main})


def _label(key: str, unit: str) -> str:
    return "within 3σ" if key == "recognisable" and unit == "points" else metric_spec(key).label


def _text(key: str, metrics: dict[str, Any]) -> str:
    """A number as in reports, a count without decimals, blank where it was not measured."""
    value = metrics.get(key)
    if isinstance(value, int):
        return f"{value:,}"
    return metric_spec(key).text(value) if is_number(value) else ""


def _gan_facts(results: dict[str, Any]) -> list[str]:
    metrics, onset = results["metrics"], results["onset"]
    return [
        f"{metrics['num_samples']:,} samples",
        *_point_facts(results),
        *_missing(metrics),
        f"outcome: {results['outcome']}",
        f"onset of collapse: {compact(onset) if onset is not None else results['onset_reason'] or 'none'}",
        f"oracle accuracy {results['oracle_accuracy']:.3f}",
        _speed(results),
    ]


def _point_facts(results: dict[str, Any]) -> list[str]:
    """The literature's two metrics of points: modes with at least one sample, and share of samples within 3σ."""
    metrics, dataset = results["metrics"], results["dataset"]
    if _unit(results) != "points":
        return []
    modes = len(dataset["classes"]) ** dataset["shape"][0]
    covered = f"{metrics['modes_any']} of {modes} modes with a sample within 3σ"
    return [covered, f"{metrics['recognisable']:.1%} of samples within 3σ"]


def _vae_facts(results: dict[str, Any]) -> list[str]:
    """Collapsed levels with onset, size of the estimate, and the likelihood beside its references."""
    metrics, unit = results["metrics"], _unit(results)
    since = {level: f" since {compact(at)} {unit}" for level, at in results["onset"].items() if at is not None}
    collapsed = ", ".join(f"{level}{since.get(level, '')}" for level in metrics["collapsed"])
    facts = [f"collapsed: {collapsed or 'no level'}"]
    facts += [f"without effect: {', '.join(metrics['without_effect'])}"] if metrics["without_effect"] else []
    facts.append(f"{metrics['num_held_out']:,} {unit}")
    facts.append(f"IWAE with k = {metrics['importance_samples']}")
    facts += _missing(metrics)
    for key, name in (("floor_nll", "collapse floor"), ("entropy", "entropy")):
        if is_number(metrics.get(key)):
            gap = metrics["iwae_nll"] - metrics[key]
            facts.append(f"{abs(gap):.2f} nats {'above' if gap > 0 else 'below'} the {name}")
    return [*facts, _speed(results)]


def _missing(metrics: dict[str, Any]) -> list[str]:
    """Modes that samples lack, and classes too rare among real data to be measured."""
    words = {"missing": "missing", "unjudged": "too rare to measure"}
    return [f"{word}: {listed(metrics[key]) or 'none'}" for key, word in words.items() if key in metrics]


def _speed(results: dict[str, Any]) -> str:
    return f"{results['images_per_second']:,.0f} {_unit(results)}/s in training"


def _unit(results: dict[str, Any]) -> str:
    return Dataset("", "", "", levels=results["dataset"].get("levels", 255)).unit
