"""Reading and writing pictures with PIL alone: decoding that keeps channels and depth, PNG grids for training runs.

The official loaders turn everything into 8-bit RGB, so a grey, 16-bit or label image changes silently (pix2pix issues
#215, #399, #565). Here a file keeps its channels and its depth, and what cannot be kept is refused by name.
"""

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps, PngImagePlugin
from torch import Tensor

GREY8, RGB8, GREY16 = (1, np.dtype(np.uint8)), (3, np.dtype(np.uint8)), (1, np.dtype(np.uint16))
KINDS = {mode: GREY8 for mode in ("1", "L", "LA")}
KINDS |= {mode: RGB8 for mode in ("P", "PA", "RGB", "RGBA", "CMYK")}
KINDS |= {mode: GREY16 for mode in ("I", "I;16", "I;16L", "I;16B", "I;16N")}
FONT_SIZES = range(14, 9, -1)  # a grid's titles shrink from the first to the last before their column grows


class Header(NamedTuple):
    """What a file holds, known without decoding its pixels."""

    width: int
    height: int
    channels: int
    dtype: np.dtype


def peek(path: str | Path) -> Header:
    """Stored size (before EXIF orientation), channels and depth; what `read_image` refuses by kind is refused here."""
    image, _, coding = _open(path, pixels=False)
    return Header(*image.size, *_kind(path, image.mode, coding))


def read_image(path: str | Path) -> np.ndarray:
    """Decode an image file, keeping its channels and depth and applying its EXIF orientation.

    Grey stays one channel and 16-bit grey stays uint16; 1-bit becomes 0 and 255; palette and CMYK become RGB; an
    alpha channel is dropped if it is opaque everywhere.

    Returns:
        (H, W, C) uint8 or uint16, C 1 or 3.

    Raises:
        ValueError: not an image, cut short, several pages, transparent, float, 16-bit colour, or above 65535.
    """
    image, _, coding = _open(path)
    channels, dtype = _kind(path, image.mode, coding)
    if dtype == np.uint16:
        return _to_uint16(path, image)[:, :, None]
    if image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if alpha.min() < 255:
            share = f"{(alpha < 255).mean():.1%} of the pixels"
            raise ValueError(
                f"{path}: {share} are transparent: put the image on a background and save it without alpha"
            )
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def read_labels(path: str | Path) -> np.ndarray:
    """Decode a label map: palette indices or grey values are the ids, exactly as stored.

    Returns:
        (H, W) uint8 ids; a 1-bit mask gives 0 and 1.

    Raises:
        ValueError: not an image, lossy (JPEG), colours instead of ids, or an id above 255.
    """
    image, file_format, coding = _open(path)
    if file_format in ("JPEG", "MPO"):
        raise ValueError(f"{path}: JPEG is lossy and changes ids next to edges: export the mask again as PNG")
    if KINDS.get(image.mode) == GREY16:
        wide = _to_uint16(path, image)
        if wide.max() > 255:
            raise ValueError(f"{path}: label map has id {wide.max()}, ids must be 0..255: renumber the classes")
        return wide.astype(np.uint8)
    if image.mode not in ("1", "L", "P"):
        raise ValueError(
            f"{path}: a mask of mode {image.mode} holds colours, a label map needs one id a pixel: convert its colours "
            "to ids 0, 1, 2, … first (gritlib.data.images.ids_from_colours) and save them as an 8-bit grey PNG"
        )
    # PIL stretches 2- and 4-bit grey to 0..255, which is right for pictures and wrong for ids.
    return np.asarray(image).astype(np.uint8) // {"L;2": 85, "L;4": 17}.get(coding, 1)


def ids_from_colours(mask: np.ndarray, palette: Sequence[Sequence[int]], nearest: bool = False) -> np.ndarray:
    """A mask drawn in colours -> its label ids.

    Args:
        mask: (H, W, 3) uint8. palette: one (red, green, blue) in 0..255 for each id, all different, 256 at most.
        nearest: take the nearest colour of the palette, for masks that a lossy format has blurred; their edges stay
            uncertain.

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: another shape or type, a palette with a colour twice, or, without `nearest`, a colour that is not in
            it, with the number of its pixels.
    """
    colours = np.asarray(palette, np.int64)
    if mask.ndim != 3 or mask.shape[2] != 3 or mask.dtype != np.uint8:
        raise ValueError(f"mask of shape {mask.shape} and type {mask.dtype}: needed is (H, W, 3) uint8")
    if colours.ndim != 2 or colours.shape[1] != 3 or not 0 < len(colours) <= 256:
        raise ValueError(f"palette of shape {colours.shape}: needed are 1 to 256 colours of three numbers")
    if len(np.unique(colours, axis=0)) < len(colours):
        raise ValueError("the palette has a colour twice: ids could not be told apart")
    seen, where = np.unique(mask.reshape(-1, 3).astype(np.int64), axis=0, return_inverse=True)
    # One colour at a time: a photograph given by mistake has a hundred thousand of them.
    distance = np.stack([np.square(seen - colour).sum(1) for colour in colours], 1)  # (colours seen, ids)
    unknown = distance.min(1) > 0
    if unknown.any() and not nearest:
        counts = np.bincount(where.reshape(-1), minlength=len(seen))
        first = int(np.where(unknown, counts, 0).argmax())
        raise ValueError(
            f"{int(unknown.sum())} colours are not in the palette, the most frequent is {tuple(seen[first].tolist())} "
            f"({counts[first]} pixels): add it, or use nearest=True for a mask that was saved as JPEG"
        )
    return distance.argmin(1)[where.reshape(-1)].reshape(mask.shape[:2]).astype(np.uint8)


def to_uint8(images: Tensor) -> np.ndarray:
    """(B, C, H, W) in [-1, 1] -> (B, H, W, 3) uint8, for display only: values outside are clamped, NaN is black.

    Raises:
        ValueError: C is neither 1 (repeated to 3) nor 3.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images have shape {tuple(images.shape)}, a picture needs (B, 1 or 3, H, W)")
    images = images.detach().float().cpu().nan_to_num(nan=-1.0).clamp(-1, 1)
    pixels = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
    return pixels.expand(-1, -1, -1, 3).contiguous().numpy()


def colourise(label: Tensor, palette: Sequence[Sequence[int]]) -> Tensor:
    """(B, H, W) int64 ids -> (B, 3, H, W) float32 in [-1, 1], each id in its colour.

    Args:
        palette: one (red, green, blue) in 0..255 for each class.

    Raises:
        ValueError: an id has no colour.
    """
    low, high = int(label.min()), int(label.max())
    if low < 0 or high >= len(palette):
        raise ValueError(f"label map has ids {low}..{high}, the palette has colours for 0..{len(palette) - 1}")
    table = torch.tensor(palette, dtype=torch.float32, device=label.device) / 127.5 - 1
    return table[label].permute(0, 3, 1, 2).contiguous()


def grid(
    rows: Sequence[Sequence[np.ndarray | Tensor]], titles: Sequence[str] | None = None, scale: int = 2, pad: int = 4
) -> Image.Image:
    """Pictures in rows and columns on white, with a title over each column.

    Titles wrap at spaces; where a word is still too wide they shrink, then its column grows: no title is cut.

    Args:
        rows: each a list of tensors (C, H, W) in [-1, 1] or uint8 arrays (H, W, C), C 1 or 3; rows may vary in length.
        titles: one for each column, in ASCII (PIL's own font draws a box for σ or ×).
        scale: whole-number enlargement, each pixel repeated.
        pad: white pixels around each picture.

    Raises:
        ValueError: no picture, too many or few titles, or letters the font lacks.
    """
    cells = [[_enlarge(picture, scale) for picture in row] for row in rows]
    columns = max((len(row) for row in cells), default=0)
    if columns == 0:
        raise ValueError("grid has no picture: give at least one row with one picture")
    if titles is not None and len(titles) != columns:
        raise ValueError(f"grid has {columns} columns and {len(titles)} titles: give one title for each column")
    if not all(title.isascii() for title in titles or ()):
        raise ValueError(f"titles {list(titles)} have letters that PIL's own font lacks: write them in ASCII")
    widths = [max(row[c].width for row in cells if c < len(row)) for c in range(columns)]
    heights = [max((cell.height for cell in row), default=0) for row in cells]
    font, lines, line_height = ImageFont.load_default(FONT_SIZES[0]), [[]] * columns, 0
    if titles is not None:
        font, lines, widths = _fit_titles(titles, widths)
        line_height = sum(font.getmetrics())

    head = max(map(len, lines)) * line_height
    lefts = np.cumsum([pad] + [width + pad for width in widths])
    tops = np.cumsum([pad + head + (pad if head else 0)] + [height + pad for height in heights])
    sheet = Image.new("RGB", (int(lefts[-1]), int(tops[-1])), "white")
    draw = ImageDraw.Draw(sheet)
    for c, width in enumerate(widths):
        first = pad + head - len(lines[c]) * line_height  # the last line stands just above the pictures
        for number, line in enumerate(lines[c]):
            draw.text((int(lefts[c]) + width / 2, first + number * line_height), line, "black", font, anchor="ma")
    for r, row in enumerate(cells):
        for c, cell in enumerate(row):
            sheet.paste(cell, (int(lefts[c]) + (widths[c] - cell.width) // 2, int(tops[r])))
    return sheet


def save_png(image: Image.Image, path: str | Path, description: str = "generated by gritlib") -> Path:
    """Write a PNG that says in its text chunk "Description" what it is; the old file stays until the new is complete.

    Raises:
        ValueError: the path does not end in .png.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: pictures are saved as PNG, choose a name that ends in .png")
    text = PngImagePlugin.PngInfo()
    text.add_text("Description", description)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # same folder: a rename does not cross file systems
    try:
        image.save(temporary, format="PNG", pnginfo=text)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _open(path: str | Path, pixels: bool = True) -> tuple[Image.Image, str, str]:
    """The image (upright and decoded if `pixels`), the file's format, and how it stores a pixel ("RGB;16B", "L;4")."""
    try:
        with Image.open(path) as image:
            # A phone's MPO is one photo with a preview; other files with several frames are stacks or films.
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            file_format, stored = image.format, image.tile[0][3] if image.tile else ""
            if pixels:
                image.load()
                image = ImageOps.exif_transpose(image)
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, EOFError … for a broken file
        raise ValueError(f"{path}: cannot be read as an image ({error}): replace the file or remove it") from error
    if frames > 1:
        raise ValueError(f"{path}: holds {frames} pages, and one would be taken silently: save each as its own file")
    return image, file_format, stored[0] if isinstance(stored, tuple) else stored


def _kind(path: str | Path, mode: str, coding: str) -> tuple[int, np.dtype]:
    if mode not in KINDS:
        kind = "float values" if mode == "F" else f"mode {mode}"
        raise ValueError(f"{path}: an image of {kind} has no known range: save it as 8- or 16-bit grey, or 8-bit RGB")
    if ";16" in coding and KINDS[mode] != GREY16:
        raise ValueError(
            f"{path}: 16-bit colour ({coding}), PIL keeps 8 bits of it: save it as 8-bit RGB or one 16-bit grey channel"
        )
    return KINDS[mode]


def _to_uint16(path: str | Path, image: Image.Image) -> np.ndarray:
    wide = np.asarray(image)
    if wide.min() < 0 or wide.max() > 65535:  # mode "I" is 32-bit
        raise ValueError(f"{path}: has values {wide.min()}..{wide.max()}, grey must lie in 0..65535: rescale it")
    return wide.astype(np.uint16)


def _enlarge(picture: np.ndarray | Tensor, scale: int) -> Image.Image:
    pixels = to_uint8(picture[None])[0] if isinstance(picture, Tensor) else picture
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels).convert("RGB")
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def _fit_titles(titles: Sequence[str], widths: Sequence[int]) -> tuple[ImageFont.FreeTypeFont, list[list[str]], list]:
    """The largest font in which every word fits its column, the titles wrapped in it, and the column widths."""
    for size in FONT_SIZES:
        font = ImageFont.load_default(size)
        longest = [max((font.getlength(word) for word in title.split()), default=0) for title in titles]
        if all(word <= width for word, width in zip(longest, widths, strict=True)):
            break
    widths = [max(width, int(np.ceil(word))) for word, width in zip(longest, widths, strict=True)]
    wrapped = []
    for title, width in zip(titles, widths, strict=True):
        lines = [""]
        for word in title.split():
            longer = f"{lines[-1]} {word}".strip()
            if font.getlength(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        wrapped.append(lines)
    return font, wrapped, widths
