"""The picture of what nothing beats at no more cost."""

from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from docs._results.pareto import front, label


def test_the_front_is_what_nothing_beats_at_no_more_cost():
    costs, values = np.array([2.0, 1.0, 3.0, 1.0, 4.0]), np.array([0.8, 0.5, 0.7, 0.4, 0.9])
    assert front(costs, values).tolist() == [1, 0, 4]
    assert front(np.array([1.0, 1.0]), np.array([0.5, 0.5])).size == 1


def test_labels_cover_neither_points_nor_each_other():
    figure = Figure(figsize=(7.5, 4.4))
    axes = figure.add_subplot()
    points = np.array([[1 + 0.1 * (i % 4), 0.5 + 0.02 * (i // 4)] for i in range(13)])
    axes.scatter(*points.T)
    axes.set(xlim=(0.5, 3), ylim=(0, 1))
    label(axes, [f"name of number {i}" for i in range(13)], points)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [Text.get_window_extent(text, renderer) for text in axes.texts]
    assert len(boxes) == 13
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    dots = axes.transData.transform(points)
    assert not any(box.contains(*dot) for box in boxes for dot in dots)
