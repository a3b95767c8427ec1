"""SPADE in use: style, noise and modes of a translation, what `finish` leaves, and a run that stops and goes on."""

import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

from gritlib.data.source import Source
from gritlib.methods import Spade, SpadeConfig
from gritlib.training import TrainConfig, fit, load_method

LABELS = torch.arange(2 * 16 * 16).view(2, 16, 16).mul(7).div(11, rounding_mode="floor") % 3
A = nn.functional.one_hot(LABELS, 3).permute(0, 3, 1, 2).float().contiguous()
B = torch.linspace(-30, 30, 2 * 3 * 256).cos().view(2, 3, 16, 16) * torch.tensor([1.0, -0.5]).view(2, 1, 1, 1)
STARTS = ("map", "random", "style")
SMALL = {"in_channels": 3, "out_channels": 3, "size": 16, "width": 4, "depth": 1, "start": "style", "z_dim": 5}
SMALL |= {"hidden": 4, "spectral": True, "e_width": 4, "e_norm": "none", "d_width": 4, "d_layers": 1, "d_scales": 2}
SMALL |= {"d_norm": "instance", "d_spectral": True, "gan": "hinge", "matching_weight": 10.0, "perceptual_weight": 0.0}


def small(seed=1, **options):
    """With spectral and batch norm, so that there are buffers to move and to keep, and weights that show."""
    torch.manual_seed(seed)
    method = Spade(SpadeConfig(**{**SMALL, **options}))
    for p in method.parameters():
        nn.init.normal_(p, 0.0, 0.2)
    for _ in range(5):  # spectral norm catches up with the new weights
        list(method.turns({"A": A, "B": B}, 0))
    return method


def differ(*images):
    return all((a - b).abs().max() > 1e-4 for i, a in enumerate(images) for b in images[:i])


# Style and noise


@torch.no_grad()
def test_style_of_a_translation_is_the_mean_a_code_or_an_image():
    method = small().eval()
    codes = method.E(B)[0]
    assert torch.equal(method.encode(B), codes), "the mean of the code's distribution, no draw"
    method.mean_style.copy_(torch.tensor([1.0, -2, 0.5, 3, 0]))
    mean = method.mean_style.expand(2, -1)
    for style, wanted in ((None, mean), (codes, codes), (B, codes), (codes[:1], codes[:1].expand(2, -1))):
        assert torch.equal(method.translate(A, style=style).image, method.G(A, wanted))
    one = method.translate(A, style=B[1:]).image
    assert torch.allclose(one, method.G(A, codes[1:].expand(2, -1)), atol=1e-5)
    assert differ(*(method.translate(A, style=s).image for s in (None, codes, codes.flip(0))))
    assert torch.equal(method.translate(A, noise=1).image, method.translate(A).image), "a style leaves nothing to draw"


@pytest.mark.parametrize("shape", [(3, 5), (2, 4), (5,), (3, 3, 16, 16), (1, 3, 8, 8), (3, 16, 16), (1, 16, 16)])
def test_a_style_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"z of shape|style image of"):
        small().translate(A, style=torch.zeros(shape))


def test_new_styles_are_normal_around_the_mean_code_with_its_spread():
    method = small()
    method.mean_style.copy_(torch.tensor([1.0, -2, 0.5, 3, 0]))
    method.style_std.copy_(torch.tensor([0.1, 1, 2, 0, 5]))
    ways = [torch.Generator().manual_seed(seed) for seed in (4, 4, 5)]
    codes, again, others = (method.new_styles(3000, generator) for generator in ways)
    assert codes.shape == (3000, 5) and torch.equal(codes, again) and not torch.equal(codes, others)
    assert torch.allclose(codes.mean(0), method.mean_style, atol=0.4)
    assert torch.allclose(codes.std(0, unbiased=False), method.style_std, rtol=0.1)
    assert method.translate(A, style=codes[:2]).image.shape == (2, 3, 16, 16)


@pytest.mark.parametrize("start", ["map", "random"])
def test_a_method_without_style_refuses_one(start):
    with pytest.raises(ValueError, match="spade has no style code: leave the style out"):
        small(start=start).translate(A, style=torch.zeros(2, 5))


@torch.no_grad()
def test_noise_of_a_random_start():
    method = small(start="random")
    state = torch.get_rng_state()
    five, again, six, zero = (method.translate(A, noise=noise).image for noise in (5, np.int64(5).item(), 6, "zero"))
    assert torch.equal(torch.get_rng_state(), state), "a seed leaves torch's random state alone"
    fresh = method.translate(A).image
    assert torch.equal(five, again) and differ(five, six, zero, fresh)
    torch.set_rng_state(state)
    assert torch.equal(method.translate(A, noise="fresh").image, fresh), "and fresh follows it"
    drawn = torch.randn(2, 5, generator=torch.Generator().manual_seed(5))
    method.eval()
    assert torch.equal(method.G(A, drawn), five) and torch.equal(method.G(A, torch.zeros(2, 5)), zero)


@pytest.mark.parametrize("start", STARTS)
def test_noise_that_is_not_understood_is_refused(start):
    method = small(start=start)
    for noise in ("none", [torch.zeros(2, 5)], None, 0.5):
        with pytest.raises(ValueError, match='use "fresh", "zero" or a seed'):
            method.translate(A, noise=noise)


def test_a_start_from_the_map_has_one_answer_for_each_map_of_any_size():
    method = small(start="map")
    images = [method.translate(A, noise=noise).image for noise in ("fresh", "zero", 3)]
    assert torch.equal(images[0], images[1]) and torch.equal(images[0], images[2]) and not images[0].requires_grad
    assert differ(images[0], method.translate(A.flip(-1)).image)
    assert method.translate(torch.cat([A, A], -1)).image.shape == (2, 3, 16, 32)


# Modes


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("training", [True, False])
def test_translation_neither_reads_nor_changes_the_mode(start, training):
    method = small(start=start).train(training)
    method.G.blocks[1].train(not training)  # a mixed state must survive as well
    modes, state = [m.training for m in method.modules()], {k: v.clone() for k, v in method.state_dict().items()}
    style = B if start == "style" else None
    image = method.translate(A, style=style, noise=1).image
    with pytest.raises(ValueError, match="map of 16x6 pixels"):
        method.translate(A[..., :6], style=style)
    assert [m.training for m in method.modules()] == modes
    assert all(torch.equal(v, state[k]) for k, v in method.state_dict().items()), "statistics moved"
    method.train(not training)
    assert torch.equal(image, method.translate(A, style=style, noise=1).image)


def test_a_translation_depends_on_no_other_image_of_its_batch():
    method = small()
    both, alone = method.translate(A, style=B).image, method.translate(A[:1], style=B[:1]).image
    assert torch.allclose(both[:1], alone, atol=1e-5)


# After training


def batches(count=3):
    return [{"A": A.roll(i, -1), "B": B * (1 - 0.3 * i)} for i in range(count)]


def test_finish_stores_the_mean_code_and_the_statistics_of_the_weights_as_they_are():
    method = small().eval()
    seen = []
    hook = method.G.register_forward_hook(lambda module, given, image: seen.append(given))
    with torch.no_grad():
        for p in method.G.parameters():
            p.add_(0.05 * torch.randn_like(p))  # as averaging does: the vectors of spectral norm are no longer theirs
    before = {k: v.clone() for k, v in method.named_buffers()}
    method.finish(iter(batches()))
    hook.remove()
    assert not any(m.training for m in method.modules())
    codes = [method.encode(batch["B"]) for batch in batches()]
    assert torch.allclose(method.mean_style, torch.cat(codes).mean(0), atol=1e-6) and method.mean_style.abs().min() > 0
    assert torch.allclose(method.style_std, torch.cat(codes).std(0, unbiased=False), rtol=1e-4)
    assert torch.equal(method.translate(A).image, method.G(A, method.mean_style.expand(2, -1)))
    assert all(torch.equal(m, batch["A"]) for (m, _), batch in zip(seen, batches(), strict=True))
    assert all(torch.allclose(z, code, atol=1e-5) for (_, z), code in zip(seen, codes, strict=True))
    # The first normalisation sees what does not depend on spectral norm: its statistics are plain means over batches.
    firsts = [method.G.begin(z).view(2, -1, 4, 4) for _, z in seen]
    norm = method.G.blocks[0].norm_0.norm
    assert torch.allclose(norm.running_mean, sum(h.mean((0, 2, 3)) for h in firsts) / 3, atol=1e-5)
    assert torch.allclose(norm.running_var, sum(h.var((0, 2, 3)) for h in firsts) / 3, rtol=1e-4)
    moved = {k.split(".")[0] for k, v in method.named_buffers() if "parametrizations" in k and v.ne(before[k]).any()}
    assert moved == {"G", "E"}, "spectral norm's vectors follow; D's are not asked"


def test_spectral_norm_follows_the_averaged_weights_also_without_batch_norm():
    method = small(norm="instance")
    with torch.no_grad():
        for p in method.parameters():
            p.normal_(0.0, 0.3)  # the vectors know nothing of these
    method.finish(batches())
    for net in (method.G, method.E):
        convs = [m for m in net.modules() if nn.utils.parametrize.is_parametrized(m, "weight")]
        sizes = [torch.linalg.matrix_norm(conv.weight.flatten(1), 2).item() for conv in convs]
        assert sizes == pytest.approx([1] * len(sizes), abs=0.1)


def test_finishing_again_gives_the_same():
    method = small(start="random", spectral=False)
    method.finish(batches())
    state = {k: v.clone() for k, v in method.state_dict().items() if "running" in k}
    torch.manual_seed(77)
    method.finish(batches())
    assert all(torch.equal(v, method.state_dict()[k]) for k, v in state.items())


@pytest.mark.parametrize("start", ["map", "random"])
def test_finish_without_a_style(start):
    method = small(start=start)
    method.finish(batches())
    norm = method.G.blocks[-1].norm_0.norm
    assert norm.num_batches_tracked == 3 and not method.mean_style.any()
    assert method.translate(A, noise=1).image.isfinite().all()


class CtrlC:
    """A source that gets Ctrl-C while it reads the batch of call number `at`."""

    def __init__(self, source, at):
        self.source, self.at, self.calls = source, at, 0

    def __len__(self):
        return len(self.source)

    def batch(self, indices, generator=None):
        self.calls += 1
        if self.calls == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        return self.source.batch(indices, generator)


@pytest.fixture
def painted():
    """Random label maps of 16 pixels and photos that follow them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (8, 8)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    photo = np.stack([labels * 80, 255 - labels * 60, labels * 20], -1).astype(np.uint8)
    windows = np.array([(0, y, x) for y in (0, 16) for x in (0, 16)])
    bounds = np.tile([[0, 32, 0, 32]], (4, 1))
    named = {"classes": ("a", "b", "c"), "palette": ((0, 0, 0), (9, 9, 9), (99, 9, 9))}
    return Source("toy", "train", 16, [labels], [photo], windows, bounds, jitter=8, flips="h", **named)


HOW = {"batch_size": 2, "precision": "fp32", "log_every": 1, "sample_every": 0, "save_every": 0, "ema": 0.7}


def unfitted(seed=0, **options):
    """As a command makes it, with its initial weights."""
    torch.manual_seed(seed)
    return Spade(SpadeConfig(**{**SMALL, **options}))


def test_channels_and_size_come_from_the_data(painted):
    config = SpadeConfig().fit_to(painted)
    assert (config.in_channels, config.out_channels, config.size) == (3, 3, 16) and SpadeConfig().size is None


@pytest.mark.parametrize("start", STARTS)
def test_interrupted_and_resumed_is_the_same_as_never_interrupted(start, painted, tmp_path):
    how = {"config": TrainConfig(steps=4, **HOW), "progress": False}
    whole = fit(unfitted(start=start), painted, tmp_path / "whole", **how)
    half = fit(unfitted(start=start), CtrlC(painted, 2), tmp_path / "parts", preview=painted, **how)
    assert not half.finished and half.step == 2
    torch.manual_seed(99)
    rest = fit(unfitted(7, start=start), painted, tmp_path / "parts", resume=True, **how)
    for one, other in ((whole.trained, rest.trained), (whole.method, rest.method)):
        a, b = one.state_dict(), other.state_dict()
        assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    assert whole.history == rest.history and len(whole.history) == 4
    fresh = unfitted(start=start).state_dict()
    moved = {key.split(".")[0] for key, value in whole.trained.named_parameters() if not value.equal(fresh[key])}
    assert moved == {"G", "D"} | ({"E"} if start == "style" else set())
    # The checkpoint gives the same pictures.
    loaded, style = load_method(tmp_path / "parts"), B if start == "style" else None
    assert loaded.config == whole.method.config and not loaded.training
    for given in (None, style):
        images = [m.translate(A, style=given, noise=3).image for m in (loaded, whole.method)]
        assert torch.equal(*images)
    assert loaded.mean_style.any() == (start == "style")


@pytest.mark.parametrize("start", STARTS)
def test_two_steps_in_bfloat16_stay_finite(start, painted):
    run = fit(
        unfitted(start=start), painted, config=TrainConfig(steps=2, **{**HOW, "precision": "bf16"}), progress=False
    )
    assert all(np.isfinite(value) for line in run.history for value in line.values()) and len(run.history) == 2
    assert all(v.isfinite().all() for v in run.method.state_dict().values() if v.is_floating_point())
    image = run.method.translate(A, noise=0).image
    assert image.dtype is torch.float32 and image.isfinite().all()
