"""The page of the painting widget: its controls in HTML, each a button, slider or list with a name, its style, and
its pictures."""

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from PIL import Image, PngImagePlugin
from torch import Tensor

from gritlib.data.images import to_uint8

SIDE = 320  # about the side of the map on the screen, in pixels
MEAN = "mean of the training images"
STYLE = """
.gritlib-paint { display: flex; flex-direction: column; gap: 8px; font: 13px/1.4 sans-serif; }
.gritlib-paint { max-width: 800px; padding: 4px; }
.gritlib-paint .row { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; }
.gritlib-paint label, .gritlib-paint button { display: inline-flex; gap: 6px; align-items: center; color: inherit; }
.gritlib-paint button { background: none; border: 1px solid #808080; border-radius: 4px; padding: 2px 8px; }
.gritlib-paint button { font: inherit; cursor: pointer; }
.gritlib-paint button:disabled { opacity: 0.5; cursor: default; }
.gritlib-paint button[aria-pressed="true"] { border-color: currentColor; box-shadow: 0 0 0 2px currentColor; }
.gritlib-paint figure { margin: 0; }
.gritlib-paint figcaption { margin-bottom: 4px; }
.gritlib-paint p { margin: 0 !important; }
.gritlib-paint .map { cursor: crosshair; touch-action: none; display: block; }
.gritlib-paint .picture, .gritlib-paint .row img { image-rendering: pixelated; display: block; }
.gritlib-paint .time { min-height: 1.4em; }
.gritlib-paint .error { color: #d55e00; font-weight: bold; }
.gritlib-paint .error:empty { display: none; }
.gritlib-paint :focus-visible { outline: 3px solid #e69f00; outline-offset: 2px; }
"""


def page(
    size: Sequence[int], classes: Iterable[str], maps: Iterable[str], styles: Mapping[str, bytes], fresh: str | None
) -> str:
    """The widget's HTML.

    What a control shows and does is in its `data-` attributes: `mark`, the trait whose value it shows, `ask`, the job
    that it asks Python to do (without it, it sets the trait), and `value`, JSON.

    Args:
        size: (H, W) of the map. styles: name -> PNG. The others: see `Painter`.
    """
    scale = max(1, round(SIDE / max(size)))
    wide = f'width="{size[1] * scale}" height="{size[0] * scale}"'
    tools = [button(name, mark="tool", value=name) for name in ("brush", "fill")]
    tools.append(f'<label>brush radius <input type="range" min="0" max="{max(size) // 4}" {own(mark="brush")}></label>')
    tools.append(f'<button type="button" class="undo" {own(ask="undo")}>undo</button>')
    tools.append(choice("colours", {"plain": False, "hatched": True}, mark="hatch"))
    if maps := list(maps):
        tools.append(choice("map", {name: i for i, name in enumerate(maps)}, mark="loaded", ask="load"))
        tools.append(button("load again", ask="again"))
    swatch = '<canvas class="swatch" width="18" height="18"></canvas>'
    names = [button(name, swatch, mark="chosen", value=i) for i, name in enumerate(classes)]
    looks = [button(MEAN, mark="look", ask="style", value=None)] if styles else []
    for i, (name, png) in enumerate(styles.items()):
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        face = f'<img src="{source}" width="48" alt="{escape(name)}" title="{escape(name)}">'
        looks.append(button(name, face, mark="look", ask="style", value=i))
    if fresh:
        looks.append(button(fresh, ask="seed", **({"mark": "look", "value": "new"} if fresh == "new style" else {})))
    keys = "label map: the arrow keys move over it, with shift by 8 pixels, and space uses the tool"
    canvas = f'<canvas class="map" {wide} tabindex="0" role="application" aria-label="{keys}" {own()}></canvas>'
    sides = f"<figure><figcaption>label map: paint here</figcaption>{canvas}</figure>"
    sides += f'<figure><figcaption>generated picture</figcaption><img class="picture" {wide}></figure>'
    lines = '<p class="place" aria-live="polite"></p><p class="time" aria-live="polite"></p>'
    rows = row("tools", tools) + row("class", names) + row("map and picture", [sides])
    rows += f'{lines}<p class="error" role="alert"></p>{row("style", ["<span>style</span>", *looks]) if looks else ""}'
    return f'<div class="gritlib-paint">{rows}</div>'


def button(name: str, face: str = "", **data) -> str:
    """A button with its name beside an optional picture; a picture that says the name itself stands alone."""
    return f'<button type="button" {own(**data)}>{face}{"" if "alt=" in face else escape(name)}</button>'


def choice(label: str, options: Mapping[str, object], **data) -> str:
    """A list to choose from, name -> value, with its label."""
    items = "".join(f'<option value="{escape(json.dumps(v))}">{escape(name)}</option>' for name, v in options.items())
    return f'<label>{label} <select aria-label="{label}" {own(**data)}>{items}</select></label>'


def own(**data) -> str:
    """The `data-` attributes of a control. The last of them keeps its keys from being commands of JupyterLab, which
    looks for it on the element itself first: arrows would leave a list for the next cell."""
    kept = {key: json.dumps(value) if key == "value" else value for key, value in data.items()}
    return " ".join(
        f'data-{key}="{escape(value)}"' for key, value in (kept | {"lm-suppress-shortcuts": "true"}).items()
    )


def row(name: str, parts: Iterable[str]) -> str:
    """Controls that belong together, with a name for readers who do not see them side by side."""
    return f'<div class="row" role="group" aria-label="{name}">{"".join(parts)}</div>'


def as_png(image: Tensor) -> bytes:
    """(3, H, W) in [-1, 1] as a PNG that says that it was generated."""
    text, out = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("Description", "generated by gritlib")
    Image.fromarray(to_uint8(image[None])[0]).save(out, format="PNG", pnginfo=text)
    return out.getvalue()


def named(things: Mapping | Sequence, kind: str) -> dict:
    """Things by name; without names they are numbered."""
    return dict(things) if isinstance(things, Mapping) else {f"{kind} {i}": thing for i, thing in enumerate(things)}
