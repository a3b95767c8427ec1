"""Paint a label map, see the picture that a network makes of it. Lesson 05.

The map is drawn in the browser (`paint.js`) and sent when the pointer is lifted; the steps are kept and the picture is
made here. Every control is a trait or a method of `Painter`, so a cell or a test does all that a hand does.
"""

import operator
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import anywidget
import numpy as np
import torch
import traitlets
from torch import Tensor

from gritlib.data import catalog
from gritlib.data.images import colourise
from gritlib.data.source import Source, one_hot
from gritlib.methods import Method
from gritlib.show.figures import check_alt, draw_pictures, present
from gritlib.show.paint_map import as_ids, described, flood, line
from gritlib.show.paint_page import MEAN, STYLE, as_png, named, page

STEPS = 100  # how many maps `undo` remembers
FRESH = (None, "new style", "new noise")
Render = Callable[[Tensor, int | None, int | None], Tensor]


class LabelMap(traitlets.Bytes):
    """Bytes that are checked against the size and the classes of the painter; an array or tensor is taken as well."""

    def validate(self, obj, value):
        return as_ids(value, obj.size, len(obj.classes)).tobytes()


class Painter(anywidget.AnyWidget):
    """A label map to paint on, and beside it the picture of the map. Without a mouse: set `labels`, or call `stroke`,
    `fill`, `undo`, `load`, `choose` and `new_seed`; the traits of the controls are the controls. In the browser the
    arrow keys move over the map and space uses the tool. Twin for an ordinary cell: `figure`.

    One picture at a time is made. Maps that arrive meanwhile are kept as steps, and of them the last is shown next. If
    no picture can be made, `message` says why, and the map and the last picture stay.

    Args:
        render: (labels (H, W) int64, style or None, seed or None) -> (3, H, W) in [-1, 1].
        labels: (H, W) whole numbers, the first map. classes: name of each id. palette: (R, G, B) of each in 0..255.
        maps: label maps to load, a list, or a dict with their names. styles: images (3, H, W) in [-1, 1] whose style
            may be chosen, a list, or a dict with their names; the first choice is always the mean style, None.
        fresh: the button for a new seed, none without it: "new style" for a seed that stands for a style of its own
            (it puts a chosen image aside), "new noise" for one that goes with any style. seed: the first seed.

    Attributes:
        labels: bytes, H·W ids; an array or tensor may be set. size: (H, W). tool: "brush" or "fill". chosen: id to
            paint with. brush: radius in pixels. hatch: patterns beside colours. style: number of an image or None.
        result: the picture as PNG. seconds: how long it took. told: the picture in words. message: what went wrong.
        steps: how many maps `undo` can go back. image: the picture as a tensor.

    Raises:
        ValueError: a map that the classes do not cover, classes and palette that do not fit, or whatever `render`
            raises for the first map.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = STYLE

    size = traitlets.Tuple().tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    palette = traitlets.List().tag(sync=True)
    labels = LabelMap().tag(sync=True)
    tool = traitlets.Enum(("brush", "fill"), "brush").tag(sync=True)
    chosen = traitlets.Int(0).tag(sync=True)
    brush = traitlets.Int(3, min=0).tag(sync=True)
    hatch = traitlets.Bool(False).tag(sync=True)
    style = traitlets.Int(None, allow_none=True).tag(sync=True)
    seed = traitlets.Int(None, allow_none=True).tag(sync=True)
    result = traitlets.Bytes().tag(sync=True)
    seconds = traitlets.Float().tag(sync=True)
    told = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    steps = traitlets.Int(0).tag(sync=True)
    loaded = traitlets.Int(None, allow_none=True).tag(sync=True)
    look = traitlets.Any().tag(sync=True)  # which button of the styles is pressed
    answered = traitlets.Int(0).tag(sync=True)  # how many jobs of the browser are done
    page = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        render: Render,
        labels,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        maps: Mapping | Sequence = (),
        styles: Mapping | Sequence = (),
        fresh: str | None = None,
        seed: int | None = None,
    ):
        if len(classes) != len(palette):
            raise ValueError(f"{len(classes)} classes and {len(palette)} colours: give one colour for each class")
        if fresh not in FRESH:
            raise ValueError(f"fresh={fresh!r} is unknown: choose one of {', '.join(map(repr, FRESH))}")
        size = tuple(np.shape(labels))
        if len(size) != 2:
            raise ValueError(f"label map of shape {size}: a painter takes one map, (H, W)")
        self.render, self.fresh = render, fresh
        self._past, self._drawing, self._stale, self._held = deque(maxlen=STEPS), threading.Lock(), False, 0
        self.maps = {name: as_ids(ids, size, len(classes)) for name, ids in named(maps, "map").items()}
        images = named(styles, "style")
        self.styles = list(images)
        html = page(size, classes, self.maps, {name: as_png(image) for name, image in images.items()}, fresh)
        colours = [[int(value) for value in colour] for colour in palette]
        # In this order: a map is checked against the size and the classes.
        super().__init__(size=size, classes=list(classes), palette=colours, labels=labels, seed=seed, page=html)
        same = [i for i, ids in enumerate(self.maps.values()) if ids.tobytes() == self.labels]
        self.loaded = same[0] if same else None
        self._draw()
        self.observe(self._map_changed, "labels")
        self.observe(self._changed, ["style", "seed"])
        self.on_msg(self._asked)

    @property
    def ids(self) -> Tensor:
        """The label map, (H, W) int64."""
        return torch.frombuffer(bytearray(self.labels), dtype=torch.uint8).view(*self.size).long()

    def stroke(
        self, points: Sequence[tuple[int, int]], cls: int | str | None = None, radius: int | None = None
    ) -> None:
        """Paint a line through points (y, x), as the pointer does; what lies outside of the map is left out.

        Args:
            cls: id or name of the class, None for the chosen one. radius: in pixels, None for `brush`; 0 is one pixel.
        """
        ids, radius = self.ids.numpy(), self.brush if radius is None else radius
        for start, end in zip([*points[:1], *points], points, strict=False):
            line(ids, start, end, self._id(cls), radius)
        self.labels = ids

    def fill(self, y: int, x: int, cls: int | str | None = None) -> None:
        """Give a class to the area of one class that holds a pixel.

        Raises:
            ValueError: a pixel outside of the map, or an unknown class.
        """
        (h, w), ids = self.size, self.ids.numpy()
        if not (0 <= y < h and 0 <= x < w):
            raise ValueError(f"pixel {y}, {x} lies outside of the map of {h} x {w}")
        flood(ids, y, x, self._id(cls))
        self.labels = ids

    def undo(self) -> None:
        """Go back to the map before the last change; without one nothing happens."""
        if self._past:
            self.labels = self._past.pop()
            self._past.pop()  # the map that was just left is no step
            self.steps = len(self._past)

    def load(self, number: int) -> None:
        """Take one of the maps.

        Raises:
            ValueError: there is no such map.
        """
        number = operator.index(number)
        if not 0 <= number < len(self.maps):
            raise ValueError(f"map {number}: there are {len(self.maps)}, numbered from 0")
        self.loaded = number
        self.labels = list(self.maps.values())[number]

    def choose(self, style: int | None) -> None:
        """Take the style of an image, None for the mean; a style that was drawn is put aside."""
        with self._together():
            self.style = style
            self.seed = None if self.fresh == "new style" else self.seed

    def new_seed(self) -> None:
        """The next seed, the first is 0; where it stands for a style of its own, a chosen image is put aside."""
        with self._together():
            self.seed = 0 if self.seed is None else self.seed + 1
            self.style = None if self.fresh == "new style" else self.style

    def figure(self, *, alt: str) -> None:
        """Show map and picture in the notebook, described by `alt` and by the shares of the classes.

        Raises:
            ValueError: no description.
        """
        check_alt(alt)
        coloured = colourise(self.ids[None], self.palette)[0]
        sheet = draw_pictures([[coloured, self.image]], ("label map", "generated"), scale=max(1, 256 // max(self.size)))
        present(sheet, f"{alt} {self.told}")

    def __repr__(self) -> str:
        return f"Painter, {self.size[0]} x {self.size[1]}. {self.told}"

    @traitlets.validate("style", "chosen")
    def _known(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        count = len(self.styles if name == "style" else self.classes)
        if value is not None and not 0 <= value < count:
            raise ValueError(f"{name} {value}: there are {count}, numbered from 0")
        return value

    def _id(self, cls: int | str | None) -> int:
        if isinstance(cls, str) and cls not in self.classes:
            raise ValueError(f"class {cls!r} is unknown: choose one of {', '.join(self.classes)}")
        cls = self.chosen if cls is None else cls
        id = self.classes.index(cls) if isinstance(cls, str) else operator.index(cls)
        if not 0 <= id < len(self.classes):
            raise ValueError(f"class {id}: this model knows 0..{len(self.classes) - 1}")
        return id

    def _map_changed(self, change) -> None:
        self._past.append(change["old"])
        self.steps = len(self._past)
        self._changed()

    def _changed(self, change=None) -> None:
        self._stale = True
        self._update()

    @contextmanager
    def _together(self):
        """Several changes, one picture."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        self._update()

    def _update(self) -> None:
        """Make the picture of the last change. Who comes while one is made leaves: it is looked again afterwards."""
        while self._stale and not self._held and self._drawing.acquire(blocking=False):
            try:
                self._stale = False
                self._draw()
            except Exception as error:
                self.message = f"no picture of this map, {type(error).__name__}: {error}"
            finally:
                self._drawing.release()

    def _draw(self) -> None:
        labels, style, seed, began = self.ids, self.style, self.seed, time.perf_counter()
        with torch.no_grad():
            image = self.render(labels, style, seed)
        if image.ndim != 3:
            raise ValueError(f"render gave shape {tuple(image.shape)}, a picture is (3, H, W)")
        drawn = self.fresh == "new style" and seed is not None
        told = f"Generated picture of a label map of {described(labels.numpy(), self.classes)}"
        if self.styles or drawn:
            told += f"; style: {f'new, seed {seed}' if drawn else MEAN if style is None else self.styles[style]}"
        with self.hold_sync():
            self.result, self.image, self.message = as_png(image), image.detach().cpu(), ""
            self.seconds, self.told, self.look = time.perf_counter() - began, f"{told}.", "new" if drawn else style

    def _asked(self, _, content: dict, buffers: list) -> None:
        """A job of the browser; while `more` wait behind it, its picture is not made."""
        jobs = {
            "paint": lambda value: setattr(self, "labels", bytes(buffers[0])),
            "undo": lambda value: self.undo(),
            "load": self.load,
            "again": lambda value: self.load(self.loaded),
            "style": self.choose,
            "seed": lambda value: self.new_seed(),
        }
        with self.hold_sync():
            self._held += 1
            try:
                jobs[content["do"]](content.get("value"))
            except ValueError as error:
                self.message = str(error)
            finally:
                self._held -= 1
                self.answered += 1
            if not content["more"]:
                self._update()


def paint(method: Method, source: Source, styles: Sequence[int] = (), start: int = 0, count: int = 12) -> Painter:
    """A painter for a trained method and its data.

    Args:
        method: trained on label maps. source: its first `count` maps can be loaded. styles: numbers of training images
            whose style may be chosen, for methods with style. start: number of the first map.

    Raises:
        ValueError: data without label maps, or a number that it does not have.
    """
    if not source.classes:
        raise ValueError(f"{source.name} has no label maps to paint: take grove, faces, or a folder with masks")
    maps = source.batch(range(min(count, len(source))))["label"]
    if not 0 <= start < len(maps):
        raise ValueError(f"start={start}: there are {len(maps)} maps, numbered from 0")
    images = {}
    if method.styled and len(styles):
        train = source if source.split == "train" else catalog.load(source.name, "train", source.size, **source.options)
        images = {
            f"training image {i}": image for i, image in zip(styles, train.batch(styles, parts="B")["B"], strict=True)
        }
    drawn = method.styled and hasattr(method, "new_styles")
    fresh = "new style" if drawn else "new noise" if method.stochastic else None
    pool = list(images.values())

    def render(labels: Tensor, style: int | None, seed: int | None) -> Tensor:
        A = one_hot(labels[None], len(source.classes))
        look = None if style is None else pool[style][None]
        if drawn and seed is not None:
            look = method.new_styles(1, torch.Generator().manual_seed(seed))
        return method.translate(A, style=look, noise="zero" if seed is None else seed).image[0]

    named_maps = {f"{source.name}, {source.split} {i}": ids for i, ids in enumerate(maps)}
    seed = 0 if fresh == "new noise" else None
    return Painter(render, maps[start], source.classes, source.palette, named_maps, images, fresh, seed)
