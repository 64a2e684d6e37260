"""How the properties of classes are called that `src/evaluation/class_statistics.py` measures on real data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """How a property is called, its unit, and what is true of a class that has more of it, or less."""

    label: str
    unit: str
    more: str
    less: str


# fmt: off
PROPERTIES = {
    "ink": Property("ink", "mean share of full ink", "have more ink", "have less ink"),
    "skeleton": Property("stroke length", "pixels", "have longer strokes", "have shorter strokes"),
    "perimeter": Property("outline", "pixel edges", "have longer outlines", "have shorter outlines"),
    "holes": Property("holes", "mean number", "have more holes", "have fewer holes"),
    "within_variance": Property("variance within", "squared distance to the mean",
                                "vary more among themselves", "vary less among themselves"),
    "nearest_neighbour": Property("nearest neighbour", "distance",
                                  "have farther nearest neighbours", "have closer nearest neighbours"),
    "oracle_error": Property("oracle's error", "share of held-out data",
                             "are mistaken more often by the oracle", "are mistaken less often by the oracle"),
    "distance_to_others": Property("distance to others", "oracle's features",
                                   "lie farther from the others", "lie closer to the others"),
    "frequency": Property("frequency", "share of training data",
                          "are more frequent in the data", "are rarer in the data"),
}
# fmt: on


def property_named(key: str) -> Property:
    """The known property, or a plain one under the key's own name."""
    label = key.replace("_", " ")
    return PROPERTIES.get(key) or Property(label, "", f"have more {label}", f"have less {label}")
