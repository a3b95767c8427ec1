"""Pictures keep their channels and depth, everything else is refused by name, and a saved PNG is whole or absent."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

from gritlib.data.images import colourise, grid, ids_from_colours, peek, read_image, read_labels, save_png, to_uint8
from gritlib.data.source import to_float


def save(array, path, mode=None, **options):
    image = Image.fromarray(np.asarray(array))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def raw_png(path, depth, colour, row, width):
    """A one-row PNG of a depth that PIL itself cannot write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


RGB = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
GREY = RGB[:, :, 0]


def test_rgb_and_grey_keep_channels_and_values(tmp_path):
    assert np.array_equal(read_image(save(RGB, tmp_path / "a.png")), RGB)
    grey = read_image(save(GREY, tmp_path / "g.png"))
    assert grey.shape == (4, 5, 1) and grey.dtype == np.uint8 and np.array_equal(grey[:, :, 0], GREY)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_stays_16_bit(tmp_path, suffix):
    wide = np.array([[0, 1], [32768, 65535]], np.uint16)
    image = read_image(save(wide, tmp_path / f"w.{suffix}"))
    assert image.dtype == np.uint16 and np.array_equal(image[:, :, 0], wide)
    scaled = to_float(image[None])
    assert scaled[0, 0, 0, 0] == -1 and scaled[0, 0, 1, 1] == 1 and 0 < scaled[0, 0, 0, 1] + 1 < 4e-5


def test_32_bit_grey_is_read_within_16_bits_and_refused_beyond(tmp_path):
    image = read_image(save(np.array([[7, 65535]], np.int32), tmp_path / "i.tif"))
    assert image.dtype == np.uint16 and image[0, :, 0].tolist() == [7, 65535]
    with pytest.raises(ValueError, match=r"big\.tif.*0\.\.65536.*rescale"):
        read_image(save(np.array([[0, 65536]], np.int32), tmp_path / "big.tif"))


def test_palette_one_bit_and_cmyk(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([250, 10, 30, 1, 2, 3])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png").tolist() == [[[250, 10, 30], [1, 2, 3]]]
    assert read_image(save([[False, True]], tmp_path / "b.png")).tolist() == [[[0], [255]]]
    Image.new("CMYK", (2, 2), (0, 0, 0, 255)).save(tmp_path / "c.tif")
    assert np.array_equal(read_image(tmp_path / "c.tif"), np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize("mode, channels", [("RGBA", 3), ("LA", 1)])
def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path, mode, channels):
    Image.new(mode, (4, 4), (9,) * channels + (255,)).save(tmp_path / "solid.png")
    assert np.array_equal(read_image(tmp_path / "solid.png"), np.full((4, 4, channels), 9, np.uint8))
    image = Image.new(mode, (4, 4), (9,) * channels + (255,))
    image.putpixel((0, 0), (9,) * channels + (254,))
    image.save(tmp_path / "glass.png")
    with pytest.raises(ValueError, match=r"glass\.png: 6\.2% .*transparent.*without alpha"):
        read_image(tmp_path / "glass.png")


def test_a_transparent_colour_counts_only_where_it_occurs(tmp_path):
    image = Image.fromarray(GREY)
    image.save(tmp_path / "unused.png", transparency=255)
    assert np.array_equal(read_image(tmp_path / "unused.png")[:, :, 0], GREY)
    image.save(tmp_path / "used.png", transparency=int(GREY[0, 1]))
    with pytest.raises(ValueError, match=r"used\.png: 5\.0% .*transparent"):
        read_image(tmp_path / "used.png")


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    Image.fromarray(RGB).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "turned.png"), np.rot90(RGB, -1))


def test_what_would_lose_values_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"f\.tif: .*float values.*16-bit grey"):
        read_image(save(np.zeros((2, 2), np.float32), tmp_path / "f.tif"))
    with pytest.raises(ValueError, match=r"deep\.png: 16-bit colour \(RGB;16B\).*8-bit RGB"):
        read_image(raw_png(tmp_path / "deep.png", 16, 2, b"\1\2" * 6, 2))
    Image.new("LAB", (2, 2)).save(tmp_path / "lab.tif")
    with pytest.raises(ValueError, match=r"lab\.tif: an image of mode LAB"):
        read_image(tmp_path / "lab.tif")
    Image.new("L", (2, 2)).save(tmp_path / "pages.tif", save_all=True, append_images=[Image.new("L", (2, 2))])
    with pytest.raises(ValueError, match=r"pages\.tif: holds 2 pages.*own file"):
        read_image(tmp_path / "pages.tif")


def test_broken_files_are_refused_by_name(tmp_path):
    (tmp_path / "text.png").write_text("no image", encoding="utf-8")
    whole = save(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes(whole.read_bytes()[:2000])
    for name in ("text.png", "half.jpg", "absent.png"):
        with pytest.raises(ValueError, match=rf"{name}: cannot be read as an image .*replace"):
            read_image(tmp_path / name)


def test_peek_agrees_with_reading(tmp_path):
    wide = save(np.zeros((3, 7), np.uint16), tmp_path / "w.png")
    assert peek(wide) == (7, 3, 1, np.uint16)
    assert peek(save(RGB, tmp_path / "p.png", "P")) == (5, 4, 3, np.uint8)
    with pytest.raises(ValueError, match=r"f\.tif.*float"):
        peek(save(np.zeros((2, 2), np.float32), tmp_path / "f.tif"))


def test_label_ids_are_read_as_stored(tmp_path):
    ids = np.array([[0, 3], [18, 255]], np.uint8)
    assert np.array_equal(read_labels(save(ids, tmp_path / "l.png")), ids)
    image = Image.fromarray(ids)
    image.putpalette(list(range(256)) * 3)
    assert image.mode == "P"
    image.save(tmp_path / "p.png")
    assert np.array_equal(read_labels(tmp_path / "p.png"), ids)
    assert read_labels(save([[False, True]], tmp_path / "b.png")).tolist() == [[0, 1]]
    wide = read_labels(save(ids.astype(np.uint16), tmp_path / "w.png"))
    assert wide.dtype == np.uint8 and np.array_equal(wide, ids)


@pytest.mark.parametrize("depth, row, ids", [(4, b"\x01\x5f", [0, 1, 5, 15]), (2, b"\x1b", [0, 1, 2, 3])])
def test_label_ids_of_small_depth_are_not_stretched(tmp_path, depth, row, ids):
    assert read_labels(raw_png(tmp_path / "small.png", depth, 0, row, 4)).tolist() == [ids]


def test_masks_that_hold_no_ids_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"c\.png: a mask of mode RGB holds colours.*convert.*to ids"):
        read_labels(save(RGB, tmp_path / "c.png"))
    with pytest.raises(ValueError, match=r"m\.jpg: JPEG is lossy.*PNG"):
        read_labels(save(GREY, tmp_path / "m.jpg"))
    with pytest.raises(ValueError, match=r"w\.png: label map has id 256.*renumber"):
        read_labels(save(np.array([[1, 256]], np.uint16), tmp_path / "w.png"))


def test_colours_become_the_ids_they_stand_for():
    palette = ((0, 0, 0), (255, 255, 255), (200, 10, 10))
    ids = np.random.default_rng(0).integers(0, 3, (7, 5)).astype(np.uint8)
    mask = np.array(palette, np.uint8)[ids]
    found = ids_from_colours(mask, palette)
    assert found.dtype == np.uint8 and np.array_equal(found, ids)
    assert np.array_equal(found, ids_from_colours(mask[:, ::-1], palette)[:, ::-1])


def test_a_colour_without_an_id_is_named_and_blurred_masks_take_the_nearest():
    palette = ((0, 0, 0), (250, 250, 250))
    mask = np.zeros((4, 4, 3), np.uint8)
    mask[0, 0], mask[2:, 1:3] = (9, 0, 3), (240, 255, 249)
    with pytest.raises(ValueError, match=r"2 colours are not in the palette.*\(240, 255, 249\) \(4 pixels\).*nearest"):
        ids_from_colours(mask, palette)
    wanted = np.zeros((4, 4))
    wanted[2:, 1:3] = 1
    assert np.array_equal(ids_from_colours(mask, palette, nearest=True), wanted)
    for wrong, colours, said in (
        (mask[..., 0], palette, r"shape \(4, 4\)"),
        (mask.astype(int), palette, "int64"),
        (mask, ((0, 0, 0), (0, 0, 0)), "colour twice"),
        (mask, (0, 0, 0), r"palette of shape \(3,\)"),
    ):
        with pytest.raises(ValueError, match=said):
            ids_from_colours(wrong, colours)


def test_to_uint8_inverts_to_float_and_clamps():
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    assert np.array_equal(to_uint8(to_float(every)), every)
    beyond = torch.tensor([-3.0, 5.0, float("nan"), float("inf")]).view(1, 1, 2, 2)
    assert to_uint8(beyond)[0, :, :, 1].tolist() == [[0, 255], [0, 255]]
    assert to_uint8(beyond).shape == (1, 2, 2, 3)
    with pytest.raises(ValueError, match=r"\(2, 4, 8, 8\).*1 or 3"):
        to_uint8(torch.zeros(2, 4, 8, 8))


def test_colourise_gives_each_id_its_colour():
    palette = ((40, 120, 40), (150, 200, 90), (0, 0, 255))
    label = torch.tensor([[[0, 1], [2, 1]]])
    picture = colourise(label, palette)
    assert picture.shape == (1, 3, 2, 2) and picture.dtype == torch.float32
    assert np.array_equal(to_uint8(picture), np.array(palette, np.uint8)[label.numpy()])
    with pytest.raises(ValueError, match=r"ids 0\.\.3.*0\.\.2"):
        colourise(torch.tensor([[[0, 3]]]), palette)


def test_grid_places_every_picture_enlarged_on_white():
    a, b = torch.full((1, 4, 6), -1.0), np.full((3, 5, 3), 7, np.uint8)
    sheet = np.asarray(grid([[a, b], [b]], scale=3, pad=2))
    assert sheet.shape == (2 + 12 + 2 + 9 + 2, 2 + 18 + 2 + 15 + 2, 3)
    assert (sheet[2:14, 2:20] == 0).all() and (sheet[2:11, 22:37] == 7).all() and (sheet[11:16, 22:37] == 255).all()
    assert (sheet[16:25, 3:18] == 7).all() and (sheet[16:25, 20:] == 255).all()
    checker = torch.tensor([[[-1.0, 1.0], [1.0, -1.0]]])
    enlarged = np.asarray(grid([[checker]], scale=2, pad=0))[:, :, 0]
    assert enlarged.tolist() == [[0, 0, 255, 255]] * 2 + [[255, 255, 0, 0]] * 2


def test_grid_titles_stand_above_their_column_and_are_not_cut():
    black = torch.full((3, 32, 32), -1.0)
    plain = grid([[black, black]], scale=2, pad=4)
    assert grid([[black, black]], ["a b", ""], scale=2, pad=4).width == plain.width
    titles = ["truth and then five more words", "incomprehensibilities"]
    sheet = np.asarray(grid([[black, black]], titles, scale=2, pad=4))
    font = ImageFont.load_default(10)
    assert sheet.shape[1] >= 4 * 3 + 64 + font.getlength(titles[1])  # the column grew to the smallest font's width
    head = sheet[: len(sheet) - 72]
    columns = np.flatnonzero((head < 128).any((0, 2)))
    assert (head < 128).any() and columns.min() >= 3 and columns.max() <= sheet.shape[1] - 4
    assert (sheet[-68:-4, 4:68] == 0).all()


def test_grid_refuses_what_it_cannot_draw():
    picture = torch.zeros(3, 4, 4)
    with pytest.raises(ValueError, match="no picture"):
        grid([])
    with pytest.raises(ValueError, match="2 columns and 1 titles"):
        grid([[picture, picture]], ["one"])
    with pytest.raises(ValueError, match="ASCII"):
        grid([[picture]], ["σ"])


def test_saved_png_says_that_it_is_generated(tmp_path):
    picture = Image.fromarray(RGB)
    path = save_png(picture, tmp_path / "new" / "sample.png")
    with Image.open(path) as image:
        assert image.text["Description"] == "generated by gritlib" and np.array_equal(np.asarray(image), RGB)
    save_png(picture, path, "generated by gritlib, step 7, σ = 1")
    with Image.open(path) as image:
        assert image.text["Description"] == "generated by gritlib, step 7, σ = 1"
    assert [f.name for f in path.parent.iterdir()] == ["sample.png"]
    with pytest.raises(ValueError, match=r"sample\.jpg.*\.png"):
        save_png(picture, tmp_path / "sample.jpg")


def test_a_failed_save_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch):
    path = save_png(Image.fromarray(RGB), tmp_path / "sample.png")
    before = path.read_bytes()

    def half_written(self, file, **options):
        file.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", half_written)
    with pytest.raises(OSError, match="disk full"):
        save_png(Image.fromarray(RGB), path)
    assert path.read_bytes() == before and [f.name for f in tmp_path.iterdir()] == ["sample.png"]
