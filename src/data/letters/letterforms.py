"""Letters as pen strokes: the drawings behind the `strokes` data set, and the curve that inks them.

The idea of single-stroke vector characters is Hershey's (1967); these forms are this project's own drawings.

Grid: x to the right, y upwards; baseline 0, x-height 12, capitals and ascenders 20, descenders -8.

A line of the table is one *hand*, a way to write one character: strokes separated by `/`, each a list of
points `x,y` joined by a smooth curve. A mark after a point says how the pen passes it:

    5,12     smoothly, in a direction found from its neighbours
    5,12-    horizontally (the top and bottom of a bowl)
    0,6|     vertically (the sides of a bowl, and where a stem meets one)
    7,20!    as a corner: the curve stops and starts afresh

Two points with nothing between them make a straight line. A stroke without corners that ends where it began
is a closed loop. So `7,20- 0,10| 7,0- 14,10| 7,20-` is O, and `0,0 7,20! 14,0 / 2.5,7 11.5,7` is A.
"""

from math import ceil, sqrt

LETTERS = """
A  0,0 7,20! 14,0 / 2.5,7 11.5,7
A  0,0 0,11| 7,20- 14,11| 14,0 / 0,8.5 14,8.5
A  0,0 8,20! 13,0 / 1.5,6 14,7.5
B  0,20 0,0 / 0,20 6,20- 11.5,15.5| 6,11- 0,11! 7,11- 13,5.5| 7,0- 0,0
B  2,20 2,0 / -1,17.5 6,20- 12,15.5| 4.5,11! 13,5.5| 6.5,0- 0,1
C  13,16.5 7.5,20- 0,10| 7.5,0- 13,3.5
C  12,14.5 11.5,18 7,20- 0,10.5| 7,0- 14,5
D  0,20 0,0 / 0,20 4,20- 14,10| 4,0- 0,0
D  2,20 2,0 / -2,19 5,20- 15,10.5| 5,0- -1,0.5
E  12,20 0,20! 0,0! 12,0 / 0,10.5 9.5,10.5
E  12,17.5 6.5,20- 1.5,15.5| 7.5,11! 0,5.5| 6.5,0- 13,3
E  0,20 0,0 / 0,20 12,20 / 0,10.5 10,10.5 / 0,0 12,0
F  12,20 0,20! 0,0 / 0,11 9.5,11
F  2.5,19 2,0 / -1,18.5 5,19.5 13,20 / 2,11 10,11.5
G  13,16.5 7.5,20- 0,10| 7.5,0- 13.5,5.5| 13.5,9! 7.5,9
G  12.5,16.5 7.5,20- 0,10| 6.5,0.5- 13,8.5 / 8,8.5 13.5,8.5! 13.5,-1
G  13,16.5 7.5,20- 0,10.5| 7,0- 13,4 / 7,8.5 15.5,8.5 / 13,8.5 13,0
H  0,20 0,0 / 13,20 13,0 / 0,10.5 13,10.5
H  1,20 0,0 / 12.5,20 12,0 / -1,9 14,11.5
I  0,20 10,20 / 5,20 5,0 / 0,0 10,0
I  0,20 0,0
I  0,20 7,20 / 3.5,20 3.5,0 / 0,0 7,0
J  9.5,20 9.5,5.5| 4.5,0- 0,5
J  3.5,20 15,20 / 9.5,20 9.5,5.5| 4.5,0- 0,5
J  3.5,20 10,20! 10,5.5| 5,0- 0,5
K  0,20 0,0 / 12,20 0,8 / 4,11.5 13,0
K  0,20 0,0 / 12.5,20 1,10.5! 13,0
K  0,20 0,0 / 12,20 7,13 0.5,10.5! 7,8 13,0
L  0,20 0,0! 11.5,0
L  1,20 0,3 2,0- 12,0.5
M  0,0 0,20! 7.5,6! 15,20! 15,0
M  0,0 3,20! 8.5,3! 14,20! 17,0
M  0,0 1,20! 8,8! 15,20! 15,3| 17.5,0
N  0,0 0,20! 13,0! 13,20
N  0,0 1.5,20! 11,0! 13,20
O  7,20- 0,10| 7,0- 14,10| 7,20-
O  9,19.5 6,20- 0,10| 6.5,0- 13,10| 7,19.5
P  0,20 0,0 / 0,20 6,20- 12,15| 6,9.5- 0,9.5
P  2,20 2,0 / -1.5,17.5 6,20- 13,14.5| 6.5,9- 2,9.5
Q  7,20- 0,10| 7,0- 14,10| 7,20- / 8.5,6 15,-2
Q  6.5,20- 0,10.5| 6.5,1- 13,10.5| 6.5,20- / 4,4 7.5,3.5 11,-2 15,-2.5
R  0,20 0,0 / 0,20 6,20- 12,15| 6,10- 0,10 / 5.5,10 13,0
R  2,20 2,0 / -1.5,17.5 6,20- 12.5,15| 3,9.5! 13.5,0
R  0,20 0,0 / 0,20 6,20- 12,15.5| 1,10! 8.5,7 13.5,0
S  12.5,17 7,20- 1,15.3| 6.7,10.5 13,5| 6.5,0- 0,3.5
S  13,18 7.5,20- 2,15.5| 6.5,11 11.5,5.5| 5.5,0- 0,2
T  0,20 14,20 / 7,20 7,0
T  -0.5,18.5 7,19.8 15,20 / 8,20 7,0
U  0,20 0,7| 6.5,0- 13,7| 13,20
U  0,20 0,6.5| 5.5,0- 12,6.5| 12,20! 12,3| 15,0
V  0,20 7,0! 14,20
V  0,20 3,13 6.5,0! 9.5,12 14,20
W  0,20 4.5,0! 9,14! 13.5,0! 18,20
W  0,20 5,0! 9,20! 13,0! 18,20
W  0,20 0,6| 4.5,0- 9,6| 9,15 / 9,6| 13.5,0- 18,6| 18,20
X  0,20 13,0 / 13,20 0,0
X  0,19.5 4.5,16.5 8.5,3.5 13,0.5 / 12.5,20 0,0
Y  0,20 7,10! 14,20 / 7,10 7,0
Y  0,20 6.5,9.5 / 14,20 3,0
Y  0,20 1,14 7,9.5! 13,14 14,20 / 7,9.5 7,0
Z  0,20 13,20! 0,0! 13,0
Z  0,20 13,20! 0,0! 13,0 / 2.5,10 10.5,10
Z  0,19 4,20 13,20! 0,0! 5,0.5 13,-0.5
a  10,8.5 5,12- 0,6| 4.5,0- 10,4.5 / 10,12 10,0
a  1,10 5.5,12- 10,8| 10,0 / 10,7 5,7- 0,3.5| 4.5,0- 10,3
a  9.5,9.5 5,12- 0,6| 4.5,0- 10,5.5| 10,12! 10,3| 13,0.5
b  0,20 0,0 / 0,7.5 5.5,12- 10.5,6| 5.5,0- 0,4
b  1,20 0,5| 5,0- 10.5,5.5| 6.5,10.5- 0.5,6
c  9.5,9.5 5.5,12- 0,6| 5.5,0- 9.5,2
c  9,8.5 8.5,11 5,12- 0,6| 5,0- 11,3.5
d  10.5,7.5 5,12- 0,6| 5,0- 10.5,4 / 10.5,20 10.5,0
d  9.5,9.5 5,12- 0,5.5| 4.5,0- 10,5 / 10.5,20 10,3| 13,0.5
e  0.5,6.5 10,6.5! 5,12- 0,6| 5.5,0- 9.5,2
e  0,4.5 6,6 10,9.5| 6.5,12- 0,6| 5,0- 11,3
f  10,18.5 7,20- 4,16| 4,0 / 0,12 9,12
f  9.5,17.5 7,20- 4.5,15.5| 4,-3| 1,-8- -2,-6.5 / -0.5,10.5 9.5,11.5
g  10,8.5 5,12- 0,6.5| 5,1- 10,5 / 10,12 10,-3.5| 5,-8- 0,-5.5
g  9.5,10 5,12- 0,6.5| 5,1.5- 10,6.5| 10,12! 10,-3| 6.5,-8- 3.5,-6| 7,-2.5 13.5,1
g  5,12- 0.5,8.5| 5,5- 9.5,8.5| 5,12- / 8.5,11 12,12 / 3,5.5 1.5,3 6,1 11,-2.5| 5.5,-7- 0,-3.5| 3,0.5
h  0,20 0,0 / 0,7.5 5.5,12- 10,8| 10,0
h  -2.5,5 4.5,16.5| 2.5,20- 0.5,16| 0,0! 0.5,7 5.5,12- 9.5,8| 9.5,2.5| 12.5,0.5
i  0,12 0,0 / 0,17 0,18
i  0,12 0,2.5| 2.5,0- 4.5,1.5 / 0,17 0.2,18
i  -3.5,8.5 0,12! 0,2.5| 2.5,0- 4.5,2 / 0.5,17 1,18
j  4,12 4,-4| 0.5,-8- -3,-6 / 4,17 4,18
j  0,12 4,12! 4,-4| 0.5,-8- -3,-6 / 4,17 4.2,18
k  0,20 0,0 / 9,12 0,4.5 / 3,7 10,0
k  0,20 0,0 / 9.5,12 1,6! 10.5,0
k  0,20 0,0 / 0.5,7 6,12- 8.5,9.5| 2,5.5! 10.5,0
l  0,20 0,3.5| 3,0- 6,1.5
l  -2.5,4.5 5.5,16| 3.2,20- 0.8,16| 0.8,4| 4,0- 7.5,3
m  0,12 0,0 / 0,7.5 4.2,12- 7.5,8.5| 7.5,0 / 7.5,7.5 11.7,12- 15,8.5| 15,0
m  -2.5,9.5 -0.5,12- 0.5,10| 0,0! 0.5,7 4.5,12- 7,9| 7,0! 7.5,7 11.5,12- 14,9| 14,2.5| 17,0.5
n  0,12 0,0 / 0,7.5 5.5,12- 10,8| 10,0
n  -2.5,9.5 -0.5,12- 0.5,10| 0,0! 0.5,6.5 6,12- 9.5,8.5| 9.5,2.5| 12.5,0.5
o  5.5,12- 0,6| 5.5,0- 11,6| 5.5,12-
o  6,12- 0,6| 5,0- 10,6| 6,12- 5,10.5 8,9.5 12,10.5
p  0,12 0,-8 / 0,7.5 5.5,12- 10.5,6| 5.5,0- 0,4
p  -2.5,10 0.5,12! 0,-8 / 0.5,6.5 6,12- 10.5,6.5| 5.5,0.5- 0.5,2.5
q  10.5,7.5 5,12- 0,6| 5,0- 10.5,4 / 10.5,12 10.5,-8
q  10,8.5 5,12- 0,6| 5,0- 10,4.5 / 10,12 10,-8! 13.5,-4.5
r  0,12 0,0 / 0,7 4.5,11.5- 8,10.5
r  -2.5,10 0.5,12! 0.5,0! 1,7 5,12- 8.5,10
s  9.5,10 5.5,12- 1,9.2| 5.3,6.3 10,3| 5,0- 0,2
s  9.5,11 6,12- 1.8,9.3| 5,6.7 8.7,3.3| 4,0- 0,1
t  4,18 4,3.5| 7,0- 10,1.5 / 0,12 9,12
t  4.5,18 4.5,0 / 0,12.5 9.5,12.5
u  0,12 0,4.5| 4.5,0- 10,5 / 10,12 10,0
u  -2,10 0,12! 0,4.5| 4,0- 9.5,5 / 9.5,12 9.5,2.5| 12.5,0.5
v  0,12 5,0! 10,12
v  0,12 2.5,8 5,0! 7,7 11,12
w  0,12 4,0! 8,10! 12,0! 16,12
w  0,12 0,4.5| 4,0- 8,4.5| 8,11 / 8,4.5| 12,0- 16,4.5| 16,12
x  0,12 10,0 / 10,12 0,0
x  0,11 2.5,12- 5.5,6 8.5,0- 11,1 / 10.5,12 0,0
x  0,12 4.6,6| 0,0 / 9.4,12 4.8,6| 9.4,0
y  0,12 5,1 / 10,12 2,-8
y  0,12 0,5| 4.5,0.5- 10,5 / 10,12 10,-3.5| 5,-8- 0,-5.5
y  0,12 5,1 / 10,12 5,-1 0,-8 -2,-7.5
y  0,12 0,5.5| 4.5,1- 10,6| 10,12! 10,-3| 6.5,-8- 3.5,-6| 7,-2.5 13.5,1
z  0,12 10,12! 0,0! 10,0
z  0,12 10,12! 0,0! 10,0 / 2,6 8,6
"""

Point = tuple[float, float]
STRAIGHT_STEP, CURVED_STEP = 5.0, 1.6  # grid units between points: lines too are bent later


def follow(stroke: str) -> list[Point]:
    """Points along one stroke, closely spaced, its smooth pieces joined at the corners.

    Only + - * / and square roots, which IEEE 754 rounds the same way everywhere.
    """
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
    """The pen's direction at point i; None at an open end, which takes it from the arc it closes."""
    last = len(points) - 1
    if closed:
        before, after = points[(i - 1) % last], points[(i + 1) % last]
    else:
        before, after = points[max(i - 1, 0)], points[min(i + 1, last)]
    ahead = (after[0] - before[0], after[1] - before[1])
    if tokens[i].endswith("-"):
        return (1.0 if ahead[0] > 0 else -1.0, 0.0)
    if tokens[i].endswith("|"):
        return (0.0, 1.0 if ahead[1] > 0 else -1.0)
    return ahead if closed or 0 < i < last else None


def mirrored(tangent: Point, chord: Point) -> Point:
    """The tangent at the other end of a circular arc over this chord."""
    along = 2 * (tangent[0] * chord[0] + tangent[1] * chord[1]) / (chord[0] * chord[0] + chord[1] * chord[1])
    return along * chord[0] - tangent[0], along * chord[1] - tangent[1]


def arc_tangent(tangent: Point, chord: Point) -> Point:
    """The tangent with the Hermite length of a circular arc: 2 |chord| / (1 + cos of the angle between them).

    It makes four points a round O.
    """
    size = length(tangent)
    cosine = (tangent[0] * chord[0] + tangent[1] * chord[1]) / (size * length(chord))
    scale = 2 * length(chord) / (1 + max(cosine, 0.0)) / size
    return tangent[0] * scale, tangent[1] * scale


def cross(a: Point, b: Point) -> float:
    return a[0] * b[1] - a[1] * b[0]


def length(vector: Point) -> float:
    return sqrt(vector[0] * vector[0] + vector[1] * vector[1])
