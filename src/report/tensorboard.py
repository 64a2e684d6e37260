"""TensorBoard's share of a report: beside the runs one more per name, the mean over its seeds.

`tensorboard --logdir SWEEP` shows them below report/tensorboard/, and `--logdir SWEEP/report/tensorboard/GROUP` alone
those of one model on one data set, with an HParams page of means. E evaluations, S seeds.
"""

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary as Values
from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import metadata as custom_scalars
from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MarginChartContent
from tensorboard.plugins.hparams import api_pb2 as api
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from src.core.files import write_atomically
from src.core.metric_families import SHOWN_FIRST, final_tag
from src.core.metric_specs import metric_spec
from src.core.plain_data import is_inside
from src.core.run_names import folder_name
from src.report.section import Section, Summary

FOLDER = "tensorboard"  # in the report's
FILES = "events.out.tfevents.*.seeds"
NO_CURVES = ("images_seen", "seconds", "generator_steps")
LAST_STEP = 2**63  # TensorBoard's steps are 64-bit numbers
MEAN, LOWER, UPPER = "val", "lowest", "highest"  # before a metric's name: TensorBoard shows each as a group


def write_tensorboard(sections: Sequence[Section], out: Path) -> None:
    """Writes the means of every section, and removes those of an earlier report that this one lacks.

    A folder per section: its model and data, as in `vae_drums`. The same runs give the same files, byte for byte.
    """
    names = [f"{section.model}_{section.dataset.name}" if section.dataset else section.model for section in sections]
    times, written = Counter(names), set()
    for section, name in zip(sections, names, strict=True):
        group = folder_name(name if times[name] == 1 else section.slug)
        for summary in section.summaries:
            if not (curves := _curves(summary)):
                continue
            latest = max(run.finished_at for run in summary.included)
            path = out / FOLDER / group / folder_name(summary.label) / FILES.replace("*", str(int(latest)))
            if is_inside(out, path):  # nothing that a stranger's folder has there leads elsewhere
                path.parent.mkdir(parents=True, exist_ok=True)
                file = io.BytesIO()
                writer = RecordWriter(file)
                for event in _events(section, summary, curves):
                    event.wall_time = latest
                    writer.write(event.SerializeToString(deterministic=True))
                write_atomically(path, file.getvalue())
                written.add(path)
    for path in (out / FOLDER).glob(f"*/*/{FILES}"):
        if path not in written and is_inside(out, path):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


def _curves(summary: Summary) -> dict[str, np.ndarray]:
    """By column of the history: samples seen and the seeds' values there, [E, 1 + S], where every seed has one."""
    rows = summary.included[0].history.rows if summary.included else ()
    keys = [key for key in (rows[0] if rows else ()) if key not in NO_CURVES]
    curves = {key: values_EV[values_EV[:, 0] < LAST_STEP] for key in keys if len(values_EV := summary.aligned(key))}
    return {key: values_EV for key, values_EV in curves.items() if len(values_EV)}


def _events(section: Section, summary: Summary, curves: Mapping[str, np.ndarray]) -> Iterator[Event]:
    """What TensorBoard shows, by samples seen."""
    yield Event(file_version="brain.Event:2")
    yield Event(step=0, summary=_layout(section, curves))
    final = _final(section, summary)
    for values in _hyperparameters(section, summary, final):
        yield Event(step=0, summary=values)
    for key, values_EV in curves.items():
        for seen, *values_S in values_EV.tolist():
            ends = {LOWER: min(values_S), MEAN: float(np.mean(values_S)), UPPER: max(values_S)}
            yield _scalars(seen, {f"{end}/{key}": value for end, value in ends.items()})
    yield _scalars(max(values_EV[-1, 0] for values_EV in curves.values()), final)


def _scalars(seen: float, values: Mapping[str, float]) -> Event:
    summary = Values(value=[Values.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    return Event(step=int(seen), summary=summary)


def _layout(section: Section, curves: Mapping[str, np.ndarray]) -> Values:
    """Margin charts of the metrics that reports show, for *Custom Scalars*."""
    shown = section.family.curves, section.headline, section.family.main, section.family.samples
    keys = [key for key in dict.fromkeys(chain(*shown)) if key in curves and np.ptp(curves[key][:, 1:]) > 0]
    charts = []
    for key in reversed(keys):  # TensorBoard 2.21 shows the last margin chart first
        lines = MarginChartContent.Series(value=f"{MEAN}/{key}", lower=f"{LOWER}/{key}", upper=f"{UPPER}/{key}")
        charts.append(Chart(title=metric_spec(key).label, margin=MarginChartContent(series=[lines])))
    title = f"{section.family.title}: mean over seeds, lowest and highest (runs below report/tensorboard)"
    layout = Layout(category=[Category(title=title, chart=charts)]).SerializeToString()
    return _for_plugin(custom_scalars.CONFIG_SUMMARY_TAG, custom_scalars.PLUGIN_NAME, layout=layout)


def _final(section: Section, summary: Summary) -> dict[str, float]:
    """Means by the tags under which runs have their final metrics."""
    runs = summary.included
    whole = {
        "primary": summary.mean(section.primary),
        "collapsed": float(np.mean([run.outcome == "collapsed" for run in runs])),
        "images_seen": float(np.mean([run.images_seen or 0.0 for run in runs])),
        **{key: summary.mean(key) for key in ("train_seconds", "images_per_second")},
    }
    keys = section.measured([*section.family.main, *section.family.samples])
    values = {f"final/{key}": whole[key] for key in SHOWN_FIRST} | {final_tag(key): summary.mean(key) for key in keys}
    return {tag: value for tag, value in values.items() if value is not None}


def _hyperparameters(section: Section, summary: Summary, final: Mapping[str, float]) -> list[Values]:
    dataset = section.dataset
    start = SessionStartInfo()
    choices = {
        "name": summary.label,
        "seed": f"mean of {len(summary.included)}",
        "dataset": f"{dataset.source} {dataset.digest[:8]}" if dataset else "unknown",
        "primary": section.primary,
    }
    for name, text in choices.items():
        start.hparams[name].string_value = text
    start.hparams["budget"].number_value = final["final/images_seen"]
    kinds = dict.fromkeys(choices, api.DATA_TYPE_STRING) | {"budget": api.DATA_TYPE_FLOAT64}
    experiment = api.Experiment(
        hparam_infos=[api.HParamInfo(name=name, type=kind, differs=True) for name, kind in kinds.items()],
        metric_infos=[api.MetricInfo(name=api.MetricName(tag=tag)) for tag in final],
    )
    parts = {
        hparams.EXPERIMENT_TAG: HParamsPluginData(experiment=experiment),
        hparams.SESSION_START_INFO_TAG: HParamsPluginData(session_start_info=start),
        hparams.SESSION_END_INFO_TAG: HParamsPluginData(session_end_info=SessionEndInfo(status=api.STATUS_SUCCESS)),
    }
    contents = {tag: part.SerializeToString(deterministic=True) for tag, part in parts.items()}
    return [_for_plugin(tag, hparams.PLUGIN_NAME, content) for tag, content in contents.items()]


def _for_plugin(tag: str, plugin: str, content: bytes = b"", layout: bytes | None = None) -> Values:
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))
    tensor = TensorProto(dtype=DT_STRING, string_val=[layout]) if layout is not None else None
    return Values(value=[Values.Value(tag=tag, metadata=metadata, tensor=tensor)])
