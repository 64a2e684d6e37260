"""Any images as LightningDataModules: the user's files, and data sets that torchvision downloads."""

import hashlib
import logging
import zipfile
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.utilities import rank_zero_only

from src.core.cache import cached_folder
from src.core.files import temporary_folder
from src.core.plain_data import clean
from src.data.images.arrays import labels, loaded, read_npy, read_npz
from src.data.images.columns import repeated
from src.data.images.labels import LABEL, Fields, by_folder, by_pattern, by_table, split_folders
from src.data.images.pixels import SIDES, Format, parse_colour
from src.data.images.published import load_set
from src.data.images.sources import KNOWN, Archive, Folder, is_image, stamp_of
from src.data.images.splits import PARTS
from src.data.images.store import VERSION, Labelled, Stored, fill, read, suitable_side
from src.data.module import Loaded, ResidentData
from src.data.spec import Split

SHOWN = 20  # names in a warning
HOW_TO_LABEL = (
    "give data.label='{label}_*' for names of files, data.labels=FILE for a table, a folder for each class, or "
    "data.classes=50 for clusters of pixels' features"
)

Collect = Callable[[Path], Labelled]  # images with splits and labels, given an empty folder for unpacked files

log = logging.getLogger(__name__)


class Pictures(ResidentData):
    """Images of any kind, decoded once to one size; a subclass says where they come from.

    Unless they are resident, the training images stay in the cache's file.

    Args:
        size: height and width, 28, 32 or 64; None for the largest that magnifies no more than half of the images.
        colour: None for grey if all images are.
        fit: other shapes than squares are padded in the colour of their border, or cropped to their middle.
        classes: number of clusters that serve as classes; None for known ones.
        cache: folder of decoded images.
    """

    def __init__(
        self,
        size: int | None,
        colour: bool | None,
        fit: Literal["pad", "crop"],
        background: str,
        dark_ink: bool | None,
        classes: int | None,
        cache: str,
        **common: Any,
    ):
        super().__init__(**common)
        if size not in (None, *SIDES):
            raise ValueError(f"data.size={size}: choose {', '.join(map(str, SIDES))}, or null")
        if classes is not None and classes < 2:
            raise ValueError(f"data.classes={classes}: choose at least 2 clusters, or null for known classes")
        self.size = size
        self.colour = colour
        self.fit = fit
        self.background = parse_colour("data.background", background)
        self.dark_ink = dark_ink
        self.num_clusters = classes
        self.cache = Path(cache)

    @abstractmethod
    def identify(self) -> tuple[str, Any, Collect]:
        """The data set's name, what changes with its content or with what is read from it, and how to read it."""

    def load(self) -> Loaded:
        self.name, content, collect = self.identify()
        options = (self.size, self.colour, self.fit, self.background, self.num_clusters)
        digest = hashlib.sha256(repr((VERSION, content, options)).encode("utf-8", "backslashreplace")).hexdigest()
        stored = cached_folder(self.cache / f"images-{digest[:16]}", partial(self._fill, collect), read)
        is_grey = stored.images.ndim == 3
        dark_ink = is_grey and (stored.notes["light"] if self.dark_ink is None else self.dark_ink)
        say(self.name, stored, dark_ink)
        sizes = [stored.notes["sizes"][part] for part in PARTS]
        train, val, test = (
            Split.of(
                stored.images[start:end],
                stored.labels[start:end],
                **{name: array[start:end] for name, array in stored.factors.items()},
            )
            for start, end in pairwise(accumulate(sizes, initial=0))
        )
        return Loaded(train, val, test, tuple(stored.notes["classes"]), self.name, dark_ink=dark_ink)

    def _fill(self, collect: Collect, folder: Path) -> None:
        with temporary_folder(folder / "unpacked") as scratch:
            scratch.mkdir()
            labelled = collect(scratch)
            if not labelled.fields and not self.num_clusters:
                raise ValueError(f"data.path={labelled.source.path}: the images have no classes; {HOW_TO_LABEL}")
            side = self.size or suitable_side(labelled.source)
            fill(folder, labelled, Format(side, self.fit, self.background), self.colour, self.num_clusters)


class Images(Pictures):
    """Images from a folder, a zip archive of one, or NumPy's npz or npy files.

    Args:
        path: the folder or file; a relative path is also looked for under `root`.
        label: pattern of the files' names, with {label} where the class stands; None for a folder per class.
        labels: a CSV or JSON file with the label of each image, or an npy file for an npy file; None for none.
    """

    def __init__(self, path: str, label: str | None, labels: str | None, **common: Any):
        super().__init__(**common)
        if label is not None and labels is not None:
            raise ValueError(f"data.label={label}: data.labels={labels} says what the classes are; give one")
        if self.num_clusters and (label is not None or labels is not None):
            key = "label" if label is not None else "labels"
            raise ValueError(
                f"data.{key}={label or labels}: data.classes={self.num_clusters} makes clusters instead; give one"
            )
        self.given = path
        self.label = label
        self.labels = labels

    def identify(self) -> tuple[str, Any, Collect]:
        path = self.find("path", self.given, folders=True)
        table = None
        if self.labels:  # may lie beside the images
            beside = path / self.labels
            table = beside if beside.is_file() else self.find("labels", self.labels)
        folder = Folder(path) if path.is_dir() else None
        stamp = stamp_of(path) if folder is None else folder.stamp()
        place = path.resolve()  # data.path=. has a name only then
        name = clean(place.stem if folder is None else place.name, 60) or "images"
        content = (str(place), stamp, self.label, stamp_of(table) if table else None)
        return name, content, partial(self._collect, path, folder, table)

    def _collect(self, path: Path, folder: Folder | None, table: Path | None, scratch: Path) -> Labelled:
        if path.suffix.lower() == ".npy":
            if self.label:
                raise ValueError(
                    f"data.label={self.label}: an npy file has no names of files; give data.labels=FILE.npy"
                )
            array = read_npy(path)
            return Labelled(array, repeated([""], [len(array)]), self._array_labels(len(array), table))
        if path.suffix.lower() == ".npz":
            if self.label or self.labels:
                key = "label" if self.label else "labels"
                raise ValueError(f"data.{key}={self.label or self.labels}: an npz file holds its labels itself")
            return Labelled(*read_npz(path, scratch))
        if folder is None and is_image(path.name):
            raise ValueError(f"data.path={self.given}: this is a single image; give the folder of many")
        if folder is None and not zipfile.is_zipfile(path):
            raise ValueError(
                f"data.path={self.given}: expected a folder, a zip archive of one, or an npz or npy file; "
                "data=idx reads IDX files"
            )
        source = Archive(path) if folder is None else folder
        if not len(source):
            raise ValueError(f"data.path={self.given}: {path} holds no images ({KNOWN})")
        parts, names = split_folders(source.names, path)
        if self.label is not None:
            return Labelled(source, parts, by_pattern(names, self.label))
        if table:
            return Labelled(source, parts, by_table(source.names, table))
        return Labelled(source, parts, {} if self.num_clusters else by_folder(names, path))

    def _array_labels(self, num: int, table: Path | None) -> Fields:
        if table is None:
            return {}
        if table.suffix.lower() != ".npy":
            raise ValueError(f"data.labels={self.labels}: the images are in an npy file, so give their labels in one")
        return {LABEL: labels(loaded(table), num, str(table))}


class Torchvision(Pictures):
    """A data set of torchvision's, below `root` or downloaded to it.

    Args:
        set: its class's name in torchvision, see `published.SETS`.
        attributes: of CelebA, each combination of which is a class.
    """

    def __init__(self, set: str, attributes: Sequence[str], **options: Any):
        super().__init__(background="white", classes=None, **options)
        self.set = set
        self.attributes = attributes

    def identify(self) -> tuple[str, Any, Collect]:
        labelled, digest = load_set(self.set, self.root, self.attributes)
        return self.set, digest, lambda scratch: labelled


@rank_zero_only
def say(name: str, stored: Stored, dark_ink: bool) -> None:
    """Logs what was read and how it was changed, and warns of what was left out."""
    notes, classes = stored.notes, stored.notes["classes"]
    num, side = len(stored.images), stored.images.shape[-1]
    kind = "grey" if stored.images.ndim == 3 else "colour"
    groups = "clusters" if notes["clusters"] else "classes"
    log.info("%s: %s %s images in %d %s, %d×%d pixels", name, f"{num:,}", kind, len(classes), groups, side, side)
    if notes["resized"]:
        padded = f", {notes['padded']:,} of them {notes['fitted']}" if notes["padded"] else ""
        log.info("%s: %s were resized%s", name, f"{notes['resized']:,}", padded)
    if dark_ink:
        log.info("%s: dark pixels are taken as ink, light ones as ground; data.dark_ink=false reverses it", name)
    if notes["clusters"]:
        text = "%s: its classes are %d clusters of pixels' features (k-means), not known classes. Its modes are "
        log.warning(text + "groups of images that look alike.", name, len(classes))
    if num_damaged := notes["num_damaged"]:
        listed = ", ".join(notes["damaged"][:SHOWN])
        listed += f" and {num_damaged - SHOWN:,} more" if num_damaged > SHOWN else ""
        total = f"{num_damaged + num:,}"
        log.warning("%s: %s of %s images are left out, damaged: %s", name, f"{num_damaged:,}", total, listed)
