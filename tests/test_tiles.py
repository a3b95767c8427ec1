"""Tiles: exact where the network sees less than the overlap, faded where it sees everything, never more than a tile."""

import pytest
import torch
from torch import nn

from gritlib import tiles
from gritlib.methods import METHODS, build

NO_VGG = {"perceptual_weight": 0.0}
# Networks in which no layer looks at the whole image: what was measured of them, and their options.
LOCAL = {
    "unet": ("pix2pix", (8, 15), {"width": 2, "depth": 3, "norm": "batch", "dropout": False}),
    "deeper": ("pix2pix", (16, 31), {"width": 2, "depth": 4, "norm": "none", "dropout": False}),
    "resnet": ("cyclegan", (4, 27), {"width": 4, "blocks": 2, "norm": "batch", "d_layers": 1}),
    "antialiased": ("cyclegan", (4, 37), {"width": 4, "blocks": 2, "norm": "none", "antialias": True, "d_layers": 1}),
    "sincut": ("sincut", (2, 30), {"width": 2}),
    "spade": ("spade", (4, 27), {"width": 2, "depth": 1, "size": 64, "hidden": 4, "start": "map", **NO_VGG}),
    "pix2pixhd": ("pix2pixhd", (4, 52), {"width": 2, "norm": "batch", "edges": True, "features": 2, **NO_VGG}),
}
GRIT = {"width": 2, "depth": 2, "style_dim": 2}


def made(name: str, options: dict, dtype=torch.float64):
    """A method with weights and statistics that let everything through."""
    torch.manual_seed(0)
    method = build(name, METHODS[name].Config(3, 3, **options)).to(dtype).eval()
    with torch.no_grad():
        for p in method.parameters():
            p.normal_(0, 1.4 / p[0].numel() ** 0.5 if p.ndim > 1 else 0.1)
        for module in method.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    return method


def pictures(method, height, width, n=1):
    """Label maps for all: one-hot, drawn for each pixel."""
    A = torch.zeros(n, 3, height, width, dtype=next(method.parameters()).dtype)
    return A.scatter_(1, torch.randint(0, 3, (n, 1, height, width), generator=torch.Generator().manual_seed(1)), 1.0)


def unit(method, side):
    """Odd sides for networks that pad by themselves, in both directions differently."""
    return side + (3 if method.multiple == 1 else 0)


@pytest.mark.parametrize("case", LOCAL)
def test_a_network_that_sees_no_further_gives_the_untiled_image(case):
    name, seen, options = LOCAL[case]
    method = made(name, options)
    assert tiles.sight(method) == (*seen, False)
    stride, reach = seen
    plan = tiles.plan(method, tile := -(-4 * reach // (2 * stride)) * 2 * stride)
    assert plan.exact and 2 * reach <= plan.overlap < 2 * reach + stride
    A = pictures(method, unit(method, tile + 2 * stride), unit(method, 2 * tile - stride))
    whole = method.translate(A, noise="zero").image
    tiled = tiles.translate(method, A, plan, noise="zero").image
    spread = whole.std((2, 3)).min()
    assert (tiled - whole).abs().max() < 1e-10 * spread and spread > 1e-3
    # With nothing shared the borders show.
    apart = tiles.translate(method, A, tiles.plan(method, tile, 0), noise="zero").image
    assert (apart - whole).abs().max() > 0.1 * spread


def test_a_wider_overlap_is_faded_and_exact_and_a_narrower_one_is_not():
    method = made(*LOCAL["unet"][::2])
    A = pictures(method, 88, 136, n=2)
    whole = method.translate(A, noise="zero").image
    for overlap, exact in ((32, True), (40, True), (48, True), (16, False)):
        plan = tiles.plan(method, 96, overlap)
        error = (tiles.translate(method, A, plan, noise="zero").image - whole).abs().max()
        assert plan.exact == exact == bool(error < 1e-12) and plan.margin == (15 if exact else 4)


@pytest.mark.parametrize("options", [{}, {"style_dim": 0}, {"noise": False}, {"residual": False}, {"compose": "fuse"}])
def test_grits_parts_noise_and_style_are_those_of_the_whole_image(options, monkeypatch):
    """With its norms switched off GRIT is local; all that could differ between tiles is then the same."""
    monkeypatch.setattr("gritlib.nets.blocks.instance_norm", lambda h: h)
    monkeypatch.setattr("gritlib.nets.grit.instance_norm", lambda h: h)
    method = made("grit", {**GRIT, **options})
    A, style = pictures(method, 60, 100, n=2), torch.rand(1, 3, 40, 24, dtype=torch.float64)
    plan = tiles.plan(method, 56)
    assert plan.exact and plan.stride == 4
    given = {"style": style if method.styled else None}
    for noise in (7, "zero", "fresh"):
        torch.manual_seed(5)
        whole = method.translate(A, noise=noise, **given)
        torch.manual_seed(5)
        tiled = tiles.translate(method, A, plan, noise=noise, **given)
        for a, b in zip(whole, tiled, strict=True):
            assert (a is None and b is None) or (a - b).abs().max() < 1e-12 * a.abs().max()


def smooth(side):
    y, x = torch.meshgrid(*[torch.linspace(-2, 2, side, dtype=torch.float64)] * 2, indexing="ij")
    return torch.stack([(x + y).sin(), (x - y).cos(), x * y / 4])[None]


def test_where_instance_norm_sees_each_tile_fading_hides_the_borders():
    method = made("cut", {"width": 4, "blocks": 2, "d_layers": 1, "patches": 8, "dim": 4, "layers": ("rgb", "res1")})
    sight, A = tiles.sight(method), smooth(256)
    assert sight.whole
    hard, soft = (tiles.plan(method, 128, overlap) for overlap in (0, None))
    assert not soft.exact and soft.overlap == 64
    borders = [line for start, stop, _ in tiles.cuts(256, soft) for line in (start, stop) if 0 < line < 256]
    whole, tiled = method.translate(A).image, tiles.translate(method, A, soft).image
    for axis in (-1, -2):
        cut = tiles.seam(tiles.translate(method, A, hard).image, [128], axis)
        assert cut > 3 > 1.5 > tiles.seam(tiled, borders, axis)
        middles = [start + 32 for start, _, _ in tiles.cuts(256, soft)[1:]]
        assert tiles.seam(tiled, middles, axis) < 1.5
    assert (tiled - whole).abs().mean() > 0.01  # it hides that they differ, and cannot undo it


def test_the_seam_is_the_jump_across_the_lines_over_the_others():
    image = torch.zeros(1, 1, 4, 6)
    image[..., 3:] = 6.0
    image += torch.arange(6.0)
    assert tiles.seam(image, [3]) == 7 and tiles.seam(image, [1]) == pytest.approx(1 / 2.5)
    assert tiles.seam(image.mT, [3], axis=-2) == 7
    for lines in ([], [0], [6]):
        with pytest.raises(ValueError, match="of an image of 6 pixels: use 1 to 5"):
            tiles.seam(image, lines)


def test_the_network_never_sees_more_than_a_tile():
    method, seen = made("grit", GRIT), []
    method.G.register_forward_pre_hook(lambda net, given: seen.append(tuple(given[0].shape[-2:])))
    plan = tiles.plan(method, 32, 8)
    seen.clear()
    out = tiles.translate(method, pictures(method, 100, 212), plan, noise=1)
    assert out.image.shape == (1, 3, 100, 212) and max(max(sides) for sides in seen) == 32
    assert len(seen) == 4 * 9 == len(tiles.cuts(100, plan)) * len(tiles.cuts(212, plan))


def test_an_image_no_larger_than_a_tile_is_translated_at_once():
    method = made("grit", GRIT)
    A = pictures(method, 48, 32)
    plan = tiles.plan(method, 48)
    for a, b in zip(tiles.translate(method, A, plan, noise=3), method.translate(A, noise=3), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("side", [5, 16, 17, 24, 29, 40, 100])
def test_the_weights_of_each_pixel_sum_to_one(side):
    for overlap, margin in ((0, 0), (8, 4), (8, 2), (8, 0), (4, 1)):
        total = torch.zeros(side, dtype=torch.float64)
        cuts = tiles.cuts(side, tiles.Plan(16, overlap, margin, 4, False))
        for start, stop, weights in cuts:
            assert start % 4 == 0 and stop - start <= 16 and weights.min() >= 0
            assert not start or not weights[:margin].any()  # the margin is thrown away
            total[start:stop] += weights
        assert torch.allclose(total, torch.ones_like(total)) and cuts[0][0] == 0 and cuts[-1][1] == side


class Standardised(nn.Module):
    """A student's own: minus the mean of the whole image, which no name gives away."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, 1, 1)

    def forward(self, x):
        return self.conv(x - x.mean((2, 3), keepdim=True))


def test_a_students_own_norm_is_found_by_what_it_sees():
    torch.manual_seed(0)
    method = build("pix2pix", METHODS["pix2pix"].Config(3, 3, depth=2, dropout=False), generator=Standardised())
    sight = tiles.sight(method)
    assert sight.whole and sight.stride == 4
    plan = tiles.plan(method, 64)
    assert not plan.exact and plan.overlap == 32 and plan.margin == 8


@pytest.mark.parametrize(
    ("tile", "overlap", "message"),
    [
        (60, None, "tile 60: this network works in steps of 8 pixels, use 56 or 64"),
        (8, None, "tile 8: this network works in steps of 8 pixels, use 16"),
        (0, 0, "tile 0: this network works in steps of 8 pixels, use 8"),
        (64, 12, "overlap 12: this network works in steps of 8 pixels, use 8 or 16"),
        (64, -8, "overlap -8: this network works in steps of 8 pixels, use 0"),
        (64, 40, "tile 64 is smaller than twice the overlap 40: give a tile of 80 pixels or more, or an overlap of 32"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(tile, overlap, message):
    with pytest.raises(ValueError, match=message):
        tiles.plan(made(*LOCAL["unet"][::2]), tile, overlap)


def test_dropout_and_networks_of_one_size_are_refused():
    method = made("pix2pix", {"width": 2, "depth": 6, "dropout": True})
    plan = tiles.plan(method, 128, 64)
    with pytest.raises(
        ValueError, match='noise 3: the dropout of pix2pix would be drawn anew in each tile, use "zero"'
    ):
        tiles.translate(method, pictures(method, 192, 128), plan, noise=3)
    fixed = made("spade", {**LOCAL["spade"][2], "start": "random", "z_dim": 4})
    with pytest.raises(ValueError, match=r"this spade cannot translate in tiles: map of 64x256 pixels.*64 is the side"):
        tiles.plan(fixed, 64)
