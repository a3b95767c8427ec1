"""Shipped weights: every file loads, is small, has a card that is true, and gives images; what is packed comes back."""

import importlib.util
import json
import stat
import struct
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import gritlib
import gritlib.__main__ as cli
from gritlib import weights
from gritlib.backbones.segmenter import segmenter
from gritlib.data import catalog
from gritlib.evaluation import translate_all
from gritlib.methods import CUT, CycleGAN, CycleGANConfig
from gritlib.metrics import l1_255
from gritlib.nets import ResNetGenerator

SCRIPT = Path(__file__).parents[1] / "data_scripts" / "train_weights.py"
# Bytes of a file: a generator, and beside it a style encoder (GRIT), F and both discriminators (CycleGAN), or a style
# encoder and in one file a discriminator (SPADE).
LARGEST = {"pix2pix": 1_000_000, "cut": 1_000_000, "grit": 1_100_000, "cyclegan": 1_600_000, "spade": 2_000_000}
GENERATOR = {"spade": 2_000_000}  # of the generator alone; all others 1,000,000
TOGETHER = 10_000_000
NOT_SHIPPED = {"unet-faces", "residual-faces"}  # the script makes them for whoever asks
WAY = {True: "style of the truth", False: "output"}  # of the scores, by whether a method is styled


class Block(nn.Module):
    """A residual block as a student writes it: convolutions with a bias, norms named by hand."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__()
        self.norm2, self.norm1 = norm(channels), norm(channels)  # their order in the class is that of the copy
        self.norm1, self.norm2 = self.norm2, self.norm1
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.pad = nn.ReflectionPad2d(1)

    def forward(self, x):
        h = torch.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))


@pytest.fixture(scope="module")
def places():
    return catalog.load("earth", "test", 64).batch([37, 20, 60])


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("train_weights", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_weights"] = module  # its dataclass looks for its own module
    spec.loader.exec_module(module)
    return module


@cache
def split_of(dataset: str):
    return catalog.load(dataset, "test", 64)


@pytest.mark.parametrize("name", weights.NAMES)
def test_every_file_is_small_and_loads(name):
    method, said = gritlib.load(name), weights.about(name)
    assert weights.path(name).stat().st_size <= LARGEST[method.name]
    assert 2 * sum(p.numel() for p in method.G.parameters()) <= GENERATOR.get(method.name, 1_000_000)
    assert not method.training and all(p.dtype == torch.float32 for p in method.parameters())
    stored = weights.files.read(weights.path(name))[1]
    assert {key.split(".")[0] for key in stored} >= {"G"} and all(v.dtype != torch.float32 for v in stored.values())
    assert not [key for key in stored if key.startswith(tuple(said["left_out"]))]


def test_all_files_together_are_small_and_those_of_the_cards():
    folder = weights.path(weights.NAMES[0]).parent
    found = {file.stem: file for file in folder.iterdir() if file.suffix not in (".py", "")}
    assert set(found) == set(weights.NAMES), "no other file, no other ending"
    assert sum(file.stat().st_size for file in found.values()) <= TOGETHER


@pytest.mark.parametrize("name", weights.NAMES)
def test_every_card_has_its_facts(name):
    said, text = weights.about(name), weights.TEXTS[name]
    assert max(map(len, weights.card(name).splitlines())) <= 110
    card = " ".join(weights.card(name).split())
    assert all((text.what, text.seen, text.made_from)) and text.what in card and text.seen in card
    assert f"{said['steps']:,} steps of {said['batch_size']} images, seed {said['seed']}, {said['device']}" in card
    assert said["data"]["name"] == name.rsplit("-", 1)[1] and f"{said['images']} images" in card
    for scores in said["scores"].values():
        assert f"L1 {scores['L1']:.1f}, PSNR {scores['PSNR']:.1f}, SSIM {scores['SSIM']:.2f}" in card
    assert "these weights are CC0" in card and card.endswith(f"data_scripts/train_weights.py {name}")


def test_the_script_makes_each_as_its_card_says(script):
    assert set(script.RECIPES) == set(weights.NAMES) | NOT_SHIPPED
    for name in weights.NAMES:
        recipe, said = script.RECIPES[name], weights.about(name)
        now = {
            "steps": recipe.steps,
            "batch_size": recipe.batch_size,
            "seed": recipe.seed,
            "left_out": list(recipe.left_out),
            "data": {"name": recipe.data, "size": 64, "options": {option: True for option in recipe.options}},
        }
        assert {key: said[key] for key in now} == now, name


@pytest.mark.parametrize("name", weights.NAMES)
def test_a_loaded_method_scores_what_its_card_says(name):
    method, said = weights.load(name), weights.about(name)
    batch, way = split_of(said["data"]["name"]).batch(said["places"]), WAY[method.styled]
    made = translate_all(method, batch["A"], batch["B"] if method.styled else None, noise=0)["image"]
    assert l1_255(made, batch["B"]).tolist() == pytest.approx(said["places_L1"][way], abs=0.05)
    other = l1_255(made.roll(1, 0), batch["B"]).tolist()
    assert other != pytest.approx(said["places_L1"][way], abs=1), "the places differ, so the comparison can fail"


def test_cyclegans_translate_both_ways(places):
    method = weights.load("cyclegan-earth")
    image = method.translate(places["A"]).image
    assert image.isfinite().all() and l1_255(image, places["A"]).mean() > 5, "a translation, not a copy"
    assert not torch.equal(method.translate(places["A"]).image, method.inverse().translate(places["A"]).image)


@pytest.mark.parametrize("dataset", ["grove", "faces"])
def test_spades_paint_the_map_and_take_a_style(dataset):
    method, source = weights.load(f"spade-{dataset}"), catalog.load(dataset, "test", 64)
    batch = source.batch(range(8))
    found = segmenter(dataset)
    image = method.translate(batch["A"]).image
    right = (found.labels(image) == batch["label"]).float().mean()
    elsewhere = (found.labels(image) == batch["label"].roll(1, 0)).float().mean()
    assert right > elsewhere + 0.1, "the segmenter finds this map in it, not another one"
    own, other = (method.translate(batch["A"], style=batch["B"].roll(k, 0)).image for k in (0, 1))
    assert l1_255(own, batch["B"]).mean() < l1_255(other, batch["B"]).mean(), "the truth's style is nearer the truth"
    new = method.translate(batch["A"][:1].expand(4, -1, -1, -1), style=method.new_styles(4)).image
    assert l1_255(new[1:], new[:1].expand(3, -1, -1, -1)).min() > 1


@pytest.mark.parametrize("name", sorted(NOT_SHIPPED))
def test_what_is_not_shipped_needs_a_folder(name, script):
    with pytest.raises(ValueError, match=f"{name} is not shipped: give --out FOLDER"):
        script.make(name, script.FOLDER, None, 1)


def test_unknown_weights_are_refused_by_name():
    for load in (gritlib.load, weights.card):
        with pytest.raises(ValueError, match=r"weights 'nope' are unknown: choose one of pix2pix-earth, cyclegan"):
            load("nope")


def packed(folder: Path, places: dict) -> tuple[CycleGAN, Path]:
    """A small method that took a step's forward passes, and its file."""
    torch.manual_seed(0)
    config = CycleGANConfig(in_channels=3, out_channels=3, width=4, blocks=1, norm="batch", d_width=4, d_layers=1)
    method = CycleGAN(config)
    for one in method.turns(places, 0):
        one[1]["D_A_real" if one[0] == "discriminators" else "cycle_A"].detach()
    return method, weights.pack(method, folder / "small.safetensors", facts={"steps": 0})


def test_what_is_packed_comes_back_but_for_buffers_and_half_precision(tmp_path, places):
    method, file = packed(tmp_path, places)
    again = weights.load_file(file)
    assert again.config == method.config and len(method.pool_A.images) and not len(again.pool_A.images)
    state = method.state_dict()
    for key, value in again.state_dict().items():
        if not key.startswith("pool_"):
            assert torch.allclose(value.float(), state[key].float(), rtol=1e-3, atol=1e-6), key
    assert not torch.equal(again.G.stem[2].running_mean, torch.zeros(4)), "batch norm's statistics travel too"
    assert weights.files.about_file(file)["steps"] == 0 and [*tmp_path.iterdir()] == [file]
    assert weights.pack(again, tmp_path / "again.safetensors", facts={"steps": 0}).read_bytes() == file.read_bytes()
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode), "others may read it"


def test_settings_that_are_tuples_come_back_as_tuples(tmp_path):
    method = CUT(CUT.Config(in_channels=3, out_channels=3, width=4, blocks=1, dim=4, layers=("rgb", "down1")))
    file = weights.pack(method, tmp_path / "cut.safetensors", left_out=("D.", "H."))
    assert weights.load_file(file).config == method.config


def test_a_number_too_large_for_half_precision_is_not_packed(tmp_path, places):
    method, _ = packed(tmp_path, places)
    with torch.no_grad():
        method.F.stem[1].weight[0] = 7e4
    with pytest.raises(ValueError, match=r"F\.stem\.1\.weight holds 70000, and half precision ends at 65504"):
        weights.pack(method, tmp_path / "large.safetensors")
    assert not (tmp_path / "large.safetensors").exists()


def with_header(file: Path, text: str | None) -> None:
    """Replace what a file says of itself; None takes it away."""
    content = file.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__")
    if text is not None:
        header["__metadata__"] = {"gritlib": text}
    written = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(written)) + written + content[8 + length :])


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def header_alone(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:40])


def pickled(file: Path) -> None:
    torch.save({"state": torch.zeros(1)}, file)


def saying(**changed):
    """A spoiler that changes what the file says of itself."""

    def spoil(file: Path) -> None:
        about = weights.files.about_file(file)
        config = {**about["config"], **changed.get("config", {})}
        with_header(file, json.dumps({**about, **changed, "config": config}))

    return spoil


@pytest.mark.parametrize(
    "spoil, error, says",
    [
        (cut_off, ValueError, "bytes, is cut off or no safetensors .*: get it again"),
        (header_alone, ValueError, "small.safetensors, 40 bytes, is cut off or no safetensors"),
        (pickled, ValueError, "is cut off or no safetensors"),
        (Path.unlink, FileNotFoundError, "no weights at .*small.safetensors"),
        (lambda file: with_header(file, None), ValueError, "does not say which method it holds"),
        (lambda file: with_header(file, "[1"), ValueError, "does not say which method it holds"),
        (lambda file: with_header(file, "{}"), ValueError, "does not say which method it holds"),
        (saying(format=2), ValueError, "has format 2, this gritlib reads up to 1: update gritlib"),
        (saying(method="stargan"), ValueError, "method 'stargan' is unknown: choose one of grit"),
        (saying(config={"depht": 2}), ValueError, r"cyclegan has no setting \['depht'\]"),
        (saying(config={"width": 5}), ValueError, "weights small do not fit cyclegan: .*size mismatch for G"),
        (saying(config={"blocks": 2}), ValueError, r"weights small do not fit cyclegan: G\.res\.1"),
        (saying(left_out=["nothing"]), ValueError, "weights small do not fit cyclegan: pool_A.images"),
    ],
)
def test_files_that_are_not_whole_or_do_not_fit_are_refused(spoil, error, says, tmp_path, places):
    _, file = packed(tmp_path, places)
    spoil(file)
    with pytest.raises(error, match=f"(?s){says}"):
        weights.load_file(file)


def test_the_commands_list_and_show(capsys):
    cli.main(["weights", "list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(weights.NAMES) and all(" MB  " in line for line in lines)
    cli.main(["weights", "card", "spade-grove"])
    assert capsys.readouterr().out == weights.card("spade-grove") + "\n"
    with pytest.raises(SystemExit, match="error: weights 'nope' are unknown"):
        cli.main(["weights", "card", "nope"])


def small(block=None) -> ResNetGenerator:
    net = ResNetGenerator(3, 3, 4, 2, "batch", antialias=True, block=block)
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight)
    net(torch.randn(2, 3, 16, 16))
    return net


def test_a_block_of_another_class_gets_the_weights_by_order(places):
    torch.manual_seed(1)
    shipped = small().eval()
    own = weights.hand_over(shipped, small(lambda c: Ordered(c, nn.BatchNorm2d))).eval()
    assert torch.allclose(own(places["A"]), shipped(places["A"]), atol=1e-5)
    swapped = weights.hand_over(shipped, small(lambda c: Block(c, nn.BatchNorm2d))).eval()
    assert not torch.allclose(swapped(places["A"]), shipped(places["A"]), atol=1e-3), "the order decides"


class Ordered(Block):
    """The same with norms in the order of their use."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__(channels, norm)
        del self.norm1, self.norm2
        self.norm1, self.norm2 = norm(channels), norm(channels)


class Shared(Block):
    """One norm used twice: right without weights, wrong with them."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__(channels, norm)
        self.norm1 = self.norm2


@pytest.mark.parametrize(
    "block, says",
    [
        (
            lambda c: Shared(c, nn.BatchNorm2d),
            r"block 1 has 1 batch norms, the shipped one has 2: .* norm\(channels\) twice",
        ),
        (lambda c: Ordered(c), "block 1 has 0 batch norms"),
        (lambda c: nn.Conv2d(c, c, 3, padding=1), "block 1 has 1 convolutions, the shipped one has 2"),
    ],
)
def test_blocks_that_cannot_hold_the_weights_are_refused(block, says):
    with pytest.raises(ValueError, match=says):
        weights.hand_over(small(), small(block))
