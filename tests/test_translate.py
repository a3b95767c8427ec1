"""Files in, files out: any size, repeatable seeds, and nothing written when one input is bad."""

import contextlib

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.data.folders import resize
from gritlib.data.source import Source, grid_windows, one_hot, to_float
from gritlib.methods import GRIT, GRITConfig, Pix2Pix, Pix2PixConfig
from gritlib.training import fit, load_method
from gritlib.translate import padded, translate_files

RNG = np.random.default_rng(0)


def scramble(method, batch, optimizers):
    """A step that makes the weights large, so that style and noise show in 8 bits."""
    with torch.no_grad():
        for p in method.parameters():
            p.normal_(0, 0.15)
    return {"x": 0.0}


def train(out, labels=False, pix2pix=False):
    photo = RNG.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    given = (photo[:, :, 0] // 64).astype(np.uint8) if labels else photo
    classes = {"classes": ("a", "b", "c", "d"), "palette": ((0, 0, 0),) * 4} if labels else {}
    source = Source("toy", "train", 16, [given], [photo], *grid_windows(0, 0, 32, 0, 32, 16), **classes)
    channels = source.in_channels, source.out_channels
    if pix2pix:
        method = Pix2Pix(Pix2PixConfig(*channels, width=2, depth=2, norm="none", d_width=2, d_layers=1))
    else:
        method = GRIT(GRITConfig(*channels, width=4, depth=2, style_dim=2, d_width=4, d_layers=1))
    how = {"steps": 1, "batch_size": 2, "ema": 0.0, "precision": "fp32", "progress": False}
    return fit(method, source, out, step=scramble, **how).out


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("rgb"))


@pytest.fixture(scope="module")
def label_run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("labels"), labels=True)


@pytest.fixture(scope="module")
def pix2pix_run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("pix2pix"), pix2pix=True)


def photo(path, width=18, height=14, seed=0, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 16), (19, 23), (3, 30), (1, 1)])
def test_any_size_comes_back_as_it_was_and_inside_as_a_padded_image_would(width, height, run, tmp_path):
    source = photo(tmp_path / "in.png", width, height)
    written = translate_files(run, source, tmp_path / "out.png", noise="zero")
    assert written == [tmp_path / "out.png"] and Image.open(written[0]).size == (width, height)
    # Enlarged by hand: the last row and column repeated up to multiples of four.
    image = np.asarray(Image.open(source))
    larger = np.pad(image, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="edge")
    wanted = load_method(run).translate(to_float(larger[None]), noise="zero").image[0, :, :height, :width]
    wanted = ((wanted.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert np.abs(pixels(written[0]) - wanted).max() <= 1 and pixels(written[0]).std() > 0


def test_padded_is_translate_where_nothing_needs_padding(run):
    method, A = load_method(run), torch.randn(2, 3, 12, 20)
    for a, b in zip(padded(method, A, noise=3), method.translate(A, noise=3), strict=True):
        assert torch.equal(a, b)


def test_seeds_repeat_and_differ(run, tmp_path):
    source = photo(tmp_path / "in.png")

    def drawn(noise):
        return pixels(translate_files(run, source, tmp_path / "out.png", noise=noise)[0])

    assert np.array_equal(drawn(3), drawn(3)) and not np.array_equal(drawn(3), drawn(4))
    assert np.array_equal(drawn("zero"), drawn("zero")) and not np.array_equal(drawn("zero"), drawn(3))
    assert not np.array_equal(drawn("fresh"), drawn("fresh"))
    with pytest.raises(ValueError, match="noise 'loud' is not understood"):
        drawn("loud")


def test_a_style_image_of_any_size_changes_the_output(run, tmp_path):
    source = photo(tmp_path / "in.png")
    style = Image.new("RGB", (33, 21), (250, 20, 20))
    style.save(tmp_path / "style.png")
    outputs = [
        pixels(translate_files(run, source, tmp_path / f"{n}.png", style=s, noise=1)[0])
        for n, s in enumerate((None, tmp_path / "style.png", photo(tmp_path / "other.png", 40, 40, seed=2)))
    ]
    assert not np.array_equal(outputs[0], outputs[1]) and not np.array_equal(outputs[1], outputs[2])
    code = to_float(np.asarray(style)[None])
    wanted = padded(load_method(run), to_float(np.asarray(Image.open(source))[None]), style=code, noise=1).image
    assert np.abs(outputs[1] - ((wanted[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()).max() <= 1


def test_a_folder_goes_to_a_folder(run, tmp_path):
    (tmp_path / "in").mkdir()
    for k, name in enumerate(("b.jpg", "a.png", "c.tif")):
        photo(tmp_path / "in" / name, 16 + k, 16, seed=k)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    (tmp_path / "in" / ".hidden.png").write_text("no image")
    written = translate_files(run, tmp_path / "in", tmp_path / "deep" / "out", noise=1)
    assert [f.name for f in written] == ["a.png", "b.png", "c.png"]
    assert sorted(f.name for f in (tmp_path / "deep" / "out").iterdir()) == ["a.png", "b.png", "c.png"]
    alone = translate_files(run, tmp_path / "in" / "a.png", tmp_path / "alone.png", noise=1)
    assert np.array_equal(pixels(written[0]), pixels(alone[0]))
    (tmp_path / "there").mkdir()
    into = translate_files(run, tmp_path / "in" / "c.tif", tmp_path / "there", noise=1)
    assert into == [tmp_path / "there" / "c.png"]


def test_parts_are_written_and_add_up(run, tmp_path):
    source = photo(tmp_path / "in.png", 20, 20)
    written = translate_files(run, source, tmp_path / "out.png", noise=1, parts=True)
    assert {f.name for f in written} == {"out.png", "out_reconstruction.png", "out_residual.png"}
    image, reconstruction, residual = ((pixels(tmp_path / f"out{n}.png") / 127.5) - 1 for n in ("", *PARTS))
    inside = (np.abs([image, reconstruction, residual]) < 0.99).all(0)
    assert inside.mean() > 0.05 and np.abs(image - reconstruction - residual)[inside].max() < 1.6 / 127.5


PARTS = ("_reconstruction", "_residual")


def test_the_picture_says_that_it_is_generated(run, tmp_path):
    for path in translate_files(run, photo(tmp_path / "in.png"), tmp_path / "out.png", parts=True):
        assert "generated" in Image.open(path).text["Description"]


def test_label_maps_are_read_as_ids(label_run, tmp_path):
    ids = RNG.integers(0, 4, (9, 13)).astype(np.uint8)
    Image.fromarray(ids).save(tmp_path / "map.png")
    written = translate_files(label_run, tmp_path / "map.png", tmp_path / "out.png", noise="zero")
    A = one_hot(torch.from_numpy(ids.astype(np.int64))[None], 4)
    wanted = padded(load_method(label_run), A, noise="zero").image[0]
    assert np.abs(pixels(written[0]) - ((wanted.clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()).max() <= 1


def test_a_bad_second_input_is_named_and_nothing_is_written(run, label_run, tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "photos").mkdir()
    for k, top in enumerate((3, 5)):
        Image.fromarray(np.full((8, 8), top, np.uint8)).save(tmp_path / "maps" / f"{k}.png")
    with pytest.raises(ValueError, match=r"1\.png: label map has ids \[5\], the classes are 0\.\.3"):
        translate_files(label_run, tmp_path / "maps", tmp_path / "out")
    photo(tmp_path / "photos" / "a.png")
    photo(tmp_path / "photos" / "b.png", mode="L")
    with pytest.raises(ValueError, match=r"b\.png has 1 channels, this run was trained on inputs of 3"):
        translate_files(run, tmp_path / "photos", tmp_path / "out")
    (tmp_path / "photos" / "b.png").write_text("no image")
    with pytest.raises(ValueError, match=r"b\.png: cannot be read as an image"):
        translate_files(run, tmp_path / "photos", tmp_path / "out")
    with pytest.raises(ValueError, match=r"a\.png.*holds colours, a label map needs one id a pixel"):
        translate_files(label_run, tmp_path / "photos" / "a.png", tmp_path / "out.png")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.png").exists()


def test_what_is_missing_or_ambiguous_is_named(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder at .*nothing"):
        translate_files(run, tmp_path / "nothing.png", tmp_path / "out.png")
    (tmp_path / "in").mkdir()
    with pytest.raises(FileNotFoundError, match="in holds no image"):
        translate_files(run, tmp_path / "in", tmp_path / "out")
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "in" / "a.jpg")
    with pytest.raises(ValueError, match=r"a\.\w+ and another file of .*in have the same name"):
        translate_files(run, tmp_path / "in", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        translate_files(tmp_path / "norun", tmp_path / "in", tmp_path / "out")


def test_pix2pix_has_no_style_and_no_parts(pix2pix_run, tmp_path):
    source = photo(tmp_path / "in.png", 15, 9)
    with pytest.raises(ValueError, match="made with pix2pix, whose output has no parts"):
        translate_files(pix2pix_run, source, tmp_path / "out.png", parts=True)
    written = translate_files(pix2pix_run, source, tmp_path / "out.png")
    assert written == [tmp_path / "out.png"] and Image.open(written[0]).size == (15, 9)
    with pytest.raises(ValueError, match="pix2pix has no style code"):
        translate_files(pix2pix_run, source, tmp_path / "other.png", style=source)
    assert not (tmp_path / "other.png").exists()


def test_a_grey_style_image_is_refused_by_name(run, tmp_path):
    grey = photo(tmp_path / "grey.png", mode="L")
    with pytest.raises(ValueError, match=r"grey\.png"):
        translate_files(run, photo(tmp_path / "in.png"), tmp_path / "out.png", style=grey)


@pytest.mark.parametrize("target", ["in", "in/a.png", "in/a.jpg"])
def test_an_input_is_never_written_over(target, run, tmp_path):
    (tmp_path / "in").mkdir()
    source = photo(tmp_path / "in" / "a.png")
    before = source.read_bytes()
    with contextlib.suppress(ValueError):
        translate_files(run, tmp_path / "in" if target == "in" else source, tmp_path / target)
    assert source.read_bytes() == before


def test_parts_do_not_collide_with_other_outputs(run, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "a_residual.png"):
        photo(tmp_path / "in" / name)
    try:
        written = translate_files(run, tmp_path / "in", tmp_path / "out", parts=True)
    except ValueError:
        return
    assert len(set(written)) == len(written)


def test_inputs_are_scaled_first_when_a_size_is_asked_for(run, label_run, tmp_path):
    big = photo(tmp_path / "big.png", 72, 56)
    (path,) = translate_files(run, big, tmp_path / "out.png", noise=3, size=14)
    small = Image.fromarray(resize(np.asarray(Image.open(big)), 14))
    small.save(tmp_path / "small.png")
    (other,) = translate_files(run, tmp_path / "small.png", tmp_path / "other.png", noise=3)
    assert pixels(path).shape == (14, 18, 3) and (pixels(path) == pixels(other)).all()
    ids = np.random.default_rng(0).integers(0, 4, (40, 30)).astype(np.uint8)
    Image.fromarray(ids).save(tmp_path / "ids.png")
    (drawn,) = translate_files(label_run, tmp_path / "ids.png", tmp_path / "drawn.png", size=15)
    assert pixels(drawn).shape == (20, 15, 3)


def test_an_output_that_is_no_png_is_refused(run, tmp_path):
    with pytest.raises(ValueError, match=r"out\.jpg: pictures are saved as PNG"):
        translate_files(run, photo(tmp_path / "in.png"), tmp_path / "out.jpg")


def test_tiles_of_a_file_are_faded_into_one_picture_of_its_size(run, pix2pix_run, tmp_path):
    source = photo(tmp_path / "in.png", 70, 45)
    (whole,) = translate_files(pix2pix_run, source, tmp_path / "whole.png")
    (tiled,) = translate_files(pix2pix_run, source, tmp_path / "tiled.png", tile=32)
    assert np.abs(pixels(tiled) - pixels(whole)).max() <= 1 and pixels(whole).std() > 1  # exact: no norm, depth 2
    (apart,) = translate_files(pix2pix_run, source, tmp_path / "apart.png", tile=32, overlap=0)
    assert np.abs(pixels(apart) - pixels(whole)).max() > 1
    written = translate_files(run, source, tmp_path / "grit.png", tile=24, noise=2, parts=True)
    assert [Image.open(path).size for path in written] == [(70, 45)] * 3
    with pytest.raises(ValueError, match="tile 30: this network works in steps of 4 pixels, use 28 or 32"):
        translate_files(run, source, tmp_path / "no.png", tile=30)
    with pytest.raises(ValueError, match="overlap 8 of what"):
        translate_files(run, source, tmp_path / "no.png", overlap=8)
    assert not (tmp_path / "no.png").exists()
