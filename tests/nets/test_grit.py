"""GRIT's generator: the image is the sum of its heads, each loss reaches what the paper says, noise and style work."""

import pytest
import torch
from torch import nn

from gritlib.nets import GRITGenerator, Output, StyleEncoder
from gritlib.nets.blocks import AdaIN, SpatialNoise


def small(**options):
    return GRITGenerator(**{"in_channels": 2, "width": 2, "depth": 3, "style_dim": 4, "noise_init": 0.5, **options})


X, Z = torch.linspace(-1, 1, 2 * 2 * 16 * 24).view(2, 2, 16, 24).sin(), torch.tensor([[1.0, -1, 0.5, 0], [0, 2, 0, -1]])


def gradients(loss, module):
    return torch.autograd.grad(loss, list(module.parameters()), allow_unused=True, retain_graph=True)


def trunk(net):
    return nn.ModuleList([net.stem, net.down, net.up])


def test_image_is_exactly_reconstruction_plus_residual():
    out = small()(X, Z)
    assert torch.equal(out.image, out.reconstruction + out.residual)
    assert out.reconstruction.std() > 0 and out.residual.std() > 0
    assert not torch.equal(out.reconstruction, out.residual), "the heads have their own weights"
    assert Output._fields == ("image", "reconstruction", "residual")


def test_reconstruction_loss_reaches_trunk_and_encoder_and_never_the_residual_head():
    net, encoder = small(), StyleEncoder(2, 4, width=2, n_layers=2)
    target = torch.randn(2, 3, 16, 24)
    loss = (net(X, encoder(X)).reconstruction - target).abs().mean()
    assert all(g is None for g in gradients(loss, net.residual))
    for part in (net.reconstruction, net.stem, *net.down, *net.up, encoder):
        weights = [g for g in gradients(loss, part) if g is not None and g.ndim > 1]
        assert weights and all(g.abs().max() > 0 for g in weights)
    loss.backward()
    assert all(p.grad is None for p in net.residual.parameters())


def test_adversarial_loss_sees_both_parts_alike_and_moves_both_heads():
    net = small()
    out = net(X, Z)
    judge = nn.Conv2d(3, 1, 4, 2, 1)
    loss = nn.functional.softplus(-judge(out.image)).mean()
    to_rec, to_res, to_image = torch.autograd.grad(
        loss, (out.reconstruction, out.residual, out.image), retain_graph=True
    )
    assert torch.equal(to_rec, to_res) and torch.equal(to_rec, to_image) and to_rec.abs().min() > 0
    for part in (net.reconstruction, net.residual, trunk(net)):
        assert all(g is not None and g.abs().max() > 0 for g in gradients(loss, part) if g is not None and g.ndim > 1)
        assert all(g is not None for g in gradients(loss, part))


@pytest.mark.parametrize("part", Output._fields)
def test_nothing_is_detached_on_the_way_to_any_part(part, monkeypatch):
    """The gradient is the slope that small steps measure, for everything that the output depends on."""
    monkeypatch.setattr(torch.Tensor, "float", lambda t: t)  # stay in float64
    net, encoder, x = small().double(), StyleEncoder(2, 4, width=2, n_layers=2).double(), X.double()
    weights = torch.randn(2, 3, 16, 24, dtype=torch.float64)

    def loss():
        return (getattr(net(x, encoder(x), noise=3), part) * weights).sum()

    for module in (net.stem, *net.down, *net.up, encoder):
        params = list(module.parameters())
        slope = torch.autograd.grad(loss(), params)
        steps = [1e-7 * g / (g.norm() + 1e-6) for g in slope]  # each tensor along its own gradient
        with torch.no_grad():
            values = []
            for sign in (1, -2):
                torch._foreach_add_(params, steps, alpha=sign)
                values.append(loss().item())
            torch._foreach_add_(params, steps)
        expected = sum((g * s).sum().item() for g, s in zip(slope, steps, strict=True))
        assert (values[0] - values[1]) / 2 == pytest.approx(expected, rel=1e-3)


def test_without_residual_head_the_image_is_the_reconstruction():
    net = small(residual=False)
    out = net(X, Z)
    assert out.residual is None and net.residual is None and out.image is out.reconstruction
    assert not [key for key in net.state_dict() if key.startswith("residual")]


def test_fresh_noise_differs_between_calls_and_follows_torchs_seed():
    net = small()
    assert (net(X, Z).image - net(X, Z).image).abs().max() > 1e-3
    torch.manual_seed(3)
    third = net(X, Z, noise="fresh").image
    torch.manual_seed(3)
    assert torch.equal(third, net(X, Z, noise="fresh").image)


def test_a_noise_seed_repeats_bit_for_bit_and_touches_no_other_randomness():
    net, state = small(), torch.get_rng_state()
    first = net(X, Z, noise=7).image
    assert torch.equal(first, net(X, Z, noise=7).image) and not torch.equal(first, net(X, Z, noise=8).image)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(net(X, Z, noise="zero").image, net(X, Z, noise="zero").image)
    assert not torch.equal(first, net(X, Z, noise="zero").image)


def test_zero_noise_is_the_network_without_noise():
    noisy, plain = small(), small(noise=False)
    plain.load_state_dict(noisy.state_dict(), strict=False)
    assert torch.equal(noisy(X, Z, noise="zero").image, plain(X, Z).image)


def test_noise_maps_are_standard_normal_one_for_every_block_and_image():
    maps = small(depth=5).noise_maps(torch.empty(40, 2, 64, 96))
    assert [tuple(n.shape) for n in maps] == [(40, 1, 64 >> i, 96 >> i) for i in (4, 3, 2, 1, 0)]
    for n in maps:
        bound = 5 / n.numel() ** 0.5
        assert abs(n.mean()) < bound and abs(n.std() - 1) < bound
        assert not torch.equal(n[0], n[1]), "images of a batch have their own noise"
    assert all((n == 0).all() for n in small().noise_maps(X, "zero"))


def test_images_of_a_batch_get_different_noise():
    x, z = X[:1].expand(2, -1, -1, -1), Z[:1].expand(2, -1)
    net = small()
    for noise in ("fresh", 5):
        image = net(x, z, noise=noise).image
        assert (image[0] - image[1]).abs().max() > 1e-3
    image = net(x, z, noise="zero").image
    assert torch.allclose(image[0], image[1], atol=1e-6)


def test_given_maps_are_used_each_in_its_block():
    net = small()
    maps = net.noise_maps(X, 7)
    for given in (maps, tuple(maps)):
        assert torch.equal(net(X, Z, noise=given).image, net(X, Z, noise=7).image)
    for level in range(3):
        changed = [n + 1.0 * (torch.arange(n.shape[-1]) % 2) if i == level else n for i, n in enumerate(maps)]
        assert (net(X, Z, noise=changed).image - net(X, Z, noise=maps).image).abs().max() > 1e-3


def test_noise_that_is_not_understood_is_refused():
    net = small()
    maps = net.noise_maps(X)
    with pytest.raises(ValueError, match=r'noise \'frehs\' is not understood: use "fresh", "zero", a seed'):
        net(X, Z, noise="frehs")
    wanted = r"this input needs \[\(2, 1, 4, 6\), \(2, 1, 8, 12\), \(2, 1, 16, 24\)\]"
    for wrong in (maps[:2], maps[::-1], [n[:1] for n in maps], [n.expand(-1, 2, -1, -1) for n in maps]):
        with pytest.raises(ValueError, match=wanted):
            net(X, Z, noise=wrong)


def test_a_network_without_noise_has_none_of_its_parameters_and_is_deterministic():
    net = small(noise=False)
    assert not [key for key in net.state_dict() if "noise" in key] and not net.noise_strength()
    assert torch.equal(net(X, Z, noise="fresh").image, net(X, Z, noise=3).image)
    counts = [sum(p.numel() for p in n.parameters()) for n in (small(), net)]
    assert counts[0] - counts[1] == 2 + 4 + 8  # a weight per channel of every upsampling block


def test_noise_strength_reads_the_weights_coarsest_first():
    net = small(noise_init=0.25)
    assert net.noise_strength() == pytest.approx([0.25] * 3)
    net.up[0].noise.weight.data = torch.tensor([-1.0, 3.0] * 4).view(1, 8, 1, 1)
    assert net.noise_strength() == pytest.approx([2.0, 0.25, 0.25])


def test_style_changes_the_output_of_its_own_image_only():
    net = small()
    other = Z.clone()
    other[1] += 1
    a, b = net(X, Z, noise="zero"), net(X, other, noise="zero")
    assert torch.equal(a.image[0], b.image[0])
    for part in ("reconstruction", "residual"):
        assert (getattr(a, part)[1] - getattr(b, part)[1]).abs().max() > 1e-3


def test_no_norm_has_the_last_word_so_that_the_inputs_mean_colour_reaches_the_heads():
    net, seen = small(), []
    net.reconstruction.register_forward_hook(lambda m, inputs, out: seen.append(inputs[0].mean((2, 3))))
    net(X, Z, noise="zero")
    net(X + 1, Z, noise="zero")
    assert (seen[0] - seen[1]).abs().max() > 1e-2


@pytest.mark.parametrize("style", [None, Z[:1], Z[:, :3], Z[0], X])
def test_a_style_of_another_shape_is_refused(style):
    with pytest.raises(ValueError, match=r"style code of shape .*: this generator needs \(2, 4\)"):
        small()(X, style)


def test_a_network_without_style_needs_none_and_learns_its_scale_and_shift():
    net = small(style_dim=0)
    out = net(X, noise="zero")
    assert all(isinstance(up.norm.affine, nn.Parameter) for up in net.up)
    assert all(g.abs().max() > 0 for up in net.up for g in gradients(out.image.square().mean(), up.norm))
    assert not any("weight" in key for up in net.up for key in up.norm.state_dict())


def test_custom_norm_and_noise_layers_are_used():
    asked = []

    class Shift(nn.Module):
        def __init__(self, channels, style_dim):
            super().__init__()
            asked.append(("norm", style_dim))
            self.channels = channels

        def forward(self, h, style):
            assert h.shape[1] == self.channels
            return h + 3 * style.sum(1).view(-1, 1, 1, 1)

    class Ignore(nn.Module):
        def __init__(self, channels, init):
            super().__init__()
            asked.append(("noise", init))
            self.channels = channels

        def forward(self, h, noise):
            assert h.shape[1] == self.channels and noise.shape == (len(h), 1, *h.shape[2:])
            return h

    net = small(norm_layer=Shift, noise_layer=Ignore)
    assert sorted(asked) == [("noise", 0.5)] * 3 + [("norm", 4)] * 3
    assert not any(isinstance(m, (AdaIN, SpatialNoise)) for m in net.modules())
    assert torch.equal(net(X, Z).image, net(X, Z).image), "this noise layer adds nothing"
    assert not torch.equal(net(X, Z).image, net(X, Z + 1).image)


@pytest.mark.parametrize("sides", [(8, 8), (8, 40), (32, 16)])
def test_any_sides_that_are_multiples_work_down_to_one_pixel_at_the_bottleneck(sides):
    for part in small()(torch.randn(1, 2, *sides), Z[:1]):
        assert part.shape == (1, 3, *sides) and part.isfinite().all()


@pytest.mark.parametrize("sides", [(8, 12), (20, 16), (4, 4)])
def test_other_sides_are_refused(sides):
    with pytest.raises(ValueError, match=f"{sides[0]}x{sides[1]} pixels.*multiples of 8"):
        small()(torch.randn(1, 2, *sides), Z[:1])


def test_style_encoder_returns_one_flat_code_that_knows_the_colour():
    encoder = StyleEncoder(3, 5, width=4)
    image = torch.rand(2, 3, 32, 32)
    assert encoder(image).shape == (2, 5)
    assert (encoder(image) - encoder(image * 0.5)).abs().max() > 1e-3, "normalisation would have removed it"
    assert encoder(torch.rand(1, 3, 16, 48)).shape == (1, 5)


def test_a_fused_image_is_made_of_both_heads_by_weights_of_its_own():
    net = small(compose="fuse")
    out = net(X, Z, noise=1)
    assert torch.equal(out.image, net.fuse(out.reconstruction, out.residual))
    assert (out.image - out.reconstruction - out.residual).abs().max() > 1e-3
    shares = torch.autograd.grad(out.image.square().sum(), (out.reconstruction, out.residual), retain_graph=True)
    assert all(share.abs().max() > 0 for share in shares)
    assert all(g is None for g in gradients(out.reconstruction.abs().sum(), net.fuse))
    plain = small()
    missing = plain.load_state_dict(net.state_dict(), strict=False)
    assert not missing.missing_keys and all(key.startswith("fuse.") for key in missing.unexpected_keys)


def test_fusing_needs_two_images_and_a_known_word():
    with pytest.raises(ValueError, match="two images to fuse"):
        small(compose="fuse", residual=False)
    with pytest.raises(ValueError, match="'mean' is unknown"):
        small(compose="mean")


def test_heads_of_ones_own_make_the_output():
    calls = []

    def heads(h, reconstruction, residual):
        calls.append(h.shape)
        return Output(reconstruction(h) - residual(h), reconstruction(h), residual(h))

    net = small(heads=heads)
    out = net(X, Z, noise=1)
    assert torch.equal(out.image, out.reconstruction - out.residual) and calls == [(2, 2, 16, 24)]


def test_strength_scales_the_noise_of_each_block():
    net = small()
    maps = net.noise_maps(X, 5)
    scaled = net(X, Z, noise=[n * s for n, s in zip(maps, (0.0, 2.0, 0.5), strict=True)]).image
    assert torch.equal(net(X, Z, noise=5, strength=(0.0, 2.0, 0.5)).image, scaled)
    assert torch.equal(net(X, Z, noise=5, strength=0).image, net(X, Z, noise="zero").image)
    assert torch.equal(net(X, Z, noise=5, strength=1.0).image, net(X, Z, noise=5).image)
    for block in range(3):  # every block's noise alone changes the image
        alone = net(X, Z, noise=5, strength=[float(i == block) for i in range(3)]).image
        assert (alone - net(X, Z, noise="zero").image).abs().max() > 1e-4
    with pytest.raises(ValueError, match="2 noise strengths: this generator has 3 blocks"):
        net(X, Z, strength=(1.0, 1.0))
    plain = small(noise=False)
    assert torch.equal(plain(X, Z, strength=2.0).image, plain(X, Z).image), "nothing to scale"


def test_a_variational_encoder_has_a_mean_which_is_its_code_and_a_variance_of_its_own():
    encoder = StyleEncoder(3, 4, width=2, n_layers=2, variational=True)
    images = torch.randn(5, 3, 16, 16)
    mu, logvar = encoder.moments(images)
    assert torch.equal(mu, encoder(images)) and logvar.shape == (5, 4) and (mu - logvar).abs().max() > 1e-3
    assert not [key for key in StyleEncoder(3, 4).state_dict() if key.startswith("spread")]
