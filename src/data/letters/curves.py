"""Curves along the pen strokes of `forms.txt`, whose head explains the notation."""

from math import ceil, sqrt

Point = tuple[float, float]
STRAIGHT_STEP, CURVED_STEP = 5.0, 1.6  # grid units between points, also on lines, because drawings are warped


def follow(stroke: str) -> list[Point]:
    """Closely spaced points along one stroke; only + - * / and square roots, which IEEE 754 rounds in one way."""
    tokens = stroke.split()
    points = [parse(token) for token in tokens]
    last = len(points) - 1
    corners = [i for i in range(1, last) if tokens[i].endswith("!")]
    closed = points[0] == points[last] and not corners
    path = points[:1]
    for start, stop in zip([0, *corners], [*corners, last], strict=True):
        path += curve(points[start : stop + 1], tokens[start : stop + 1], closed)
    return path


def parse(token: str) -> Point:
    """`"5,12-"` is the point (5, 12)."""
    x, y = token.rstrip("|!").removesuffix("-").split(",")
    return float(x), float(y)


def curve(points: list[Point], tokens: list[str], closed: bool) -> list[Point]:
    """Points along the smooth curve through `points`, without the first."""
    directions = [direction(points, tokens, i, closed) for i in range(len(points))]
    path = []
    for i in range(len(points) - 1):
        chord = (points[i + 1][0] - points[i][0], points[i + 1][1] - points[i][1])
        start = directions[i] or mirrored(directions[i + 1] or chord, chord)
        end = directions[i + 1] or mirrored(start, chord)
        path += span(points[i], points[i + 1], arc_tangent(start, chord), arc_tangent(end, chord))
    return path


def span(a: Point, b: Point, leaving: Point, arriving: Point) -> list[Point]:
    """Points of the cubic Hermite curve from a to b with these tangents, without a."""
    chord = (b[0] - a[0], b[1] - a[1])
    straight = cross(leaving, chord) == cross(chord, arriving) == 0
    steps = ceil(length(chord) / (STRAIGHT_STEP if straight else CURVED_STEP))
    path = []
    for step in range(1, steps + 1):
        t = step / steps
        s = 1 - t
        at_a, at_b, out, back = s * s * (1 + 2 * t), t * t * (1 + 2 * s), s * s * t, t * t * s
        x, y = (at_a * a[k] + at_b * b[k] + out * leaving[k] - back * arriving[k] for k in (0, 1))
        path.append((x, y))
    return path


def direction(points: list[Point], tokens: list[str], i: int, closed: bool) -> Point | None:
    """The pen's direction at point i; None at an open end, where it follows from the other end of the arc."""
    last = len(points) - 1
    if closed:
        before, after = points[(i - 1) % last], points[(i + 1) % last]
    else:
        before, after = points[max(i - 1, 0)], points[min(i + 1, last)]
    forward = (after[0] - before[0], after[1] - before[1])
    if tokens[i].endswith("-"):
        return (1.0 if forward[0] > 0 else -1.0, 0.0)
    if tokens[i].endswith("|"):
        return (0.0, 1.0 if forward[1] > 0 else -1.0)
    return forward if closed or 0 < i < last else None


def mirrored(tangent: Point, chord: Point) -> Point:
    """The tangent at the other end of a circular arc over this chord."""
    along = 2 * (tangent[0] * chord[0] + tangent[1] * chord[1]) / (chord[0] * chord[0] + chord[1] * chord[1])
    return along * chord[0] - tangent[0], along * chord[1] - tangent[1]


def arc_tangent(tangent: Point, chord: Point) -> Point:
    """The tangent with the Hermite length of a circular arc: 2 |chord| / (1 + cos of the angle between them)."""
    size = length(tangent)
    cosine = (tangent[0] * chord[0] + tangent[1] * chord[1]) / (size * length(chord))
    scale = 2 * length(chord) / (1 + max(cosine, 0.0)) / size
    return tangent[0] * scale, tangent[1] * scale


def cross(a: Point, b: Point) -> float:
    return a[0] * b[1] - a[1] * b[0]


def length(vector: Point) -> float:
    return sqrt(vector[0] * vector[0] + vector[1] * vector[1])
