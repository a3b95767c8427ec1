"""Steps do not wait for the device; channels_last and compiled networks, which are a GPU's, change nothing but rounding
where they are forced on a CPU."""

import contextlib
import copy
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gritlib.losses import total
from gritlib.methods import METHODS, Player, build
from gritlib.nets import draws
from gritlib.training import TrainConfig, fit, speed
from gritlib.training.fit import Trainer

HD = {"width": 4, "blocks": 1, "d_width": 4, "perceptual_weight": 0.0}
CUT = {"width": 4, "blocks": 1, "layers": ("rgb", "down1", "res1"), "dim": 4, "patches": 8, "d_width": 4}
SMALL = {
    "grit": {"width": 4, "depth": 2, "style_dim": 2, "d_width": 4},
    "pix2pix": {"width": 4, "depth": 3, "d_width": 4},
    "cyclegan": {"width": 4, "blocks": 1, "d_width": 4, "pool": 2},
    "cut": CUT,
    "fastcut": CUT,
    "sincut": {"width": 4, "blocks": 1, "layers": ("rgb", "res1"), "d_width": 2, "tile": 8, "dim": 4},
    "spade": {"size": 32, "width": 4, "depth": 1, "hidden": 4, "d_width": 4, "perceptual_weight": 0.0},
    "pix2pixhd": HD,
    "pix2pixhd++": HD,
}
# Numbers that the host draws for itself, on the CPU whatever the device: CycleGAN's two pools a coin and a place for
# each of two images, FastCUT a coin for the flip. SinCUT's window comes as a list, which counts as none.
DRAWN = {"cyclegan": 2 * 2 * 2, "fastcut": 1}
PLAIN = TrainConfig(steps=4, batch_size=2, precision="fp32", device="cpu")
every_method = pytest.mark.parametrize("name", METHODS)


def small(name, **changed):
    torch.manual_seed(0)
    return build(name, METHODS[name].Config(3, 3, **{**SMALL[name], **changed})).train()


def trainer(method, toy, config=PLAIN):
    source = toy(32)
    source.paired = not method.view
    return Trainer(method, source, config, None, None)


@pytest.fixture
def play_without_numbers(monkeypatch):
    """Two steps' turns and gradients on a device whose tensors have no numbers: whoever asks for one raises."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # which "meta" does not have

    def play(method):
        method = method.to("meta")
        for step in range(2):
            batch = {key: torch.zeros(2, 3, 32, 32, device="meta") for key in "AB"}
            for player, terms in method.turns(batch, step):
                params = [p for net in method.players[player].nets for p in getattr(method, net).parameters()]
                torch.autograd.grad(total(terms), params, allow_unused=True)

    return play


@every_method
def test_no_turn_reads_a_number_from_the_device(name, play_without_numbers):
    """Only pix2pixHD with `features` would, to count the objects of an image."""
    play_without_numbers(small(name))


def test_the_reader_would_be_noticed(play_without_numbers):
    method = small("pix2pix")
    judge = method.d_loss
    method.d_loss = lambda real, fake: judge(real, fake) if fake.mean() < 100 else {}
    with pytest.raises(RuntimeError, match="meta"):
        play_without_numbers(method)


class Reads(TorchDispatchMode):
    """Counts how often a tensor becomes a number of Python."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


@every_method
def test_a_step_reads_only_what_the_host_drew(name, toy):
    training = trainer(small(name), toy)
    batches = [training.batch(step) for step in range(2)]
    training.batch = lambda step: batches[step]
    training.one_step(0, None)  # fills CycleGAN's pools
    with Reads() as reads:
        training.one_step(1, None)
        training.ema.update(training.method, 1)
    assert reads.count == DRAWN.get(name, 0)


def test_the_counter_of_reads_would_notice():
    with Reads() as reads:
        assert float(torch.ones(3).sum()) == 3 and torch.zeros(1) < 1
    assert reads.count == 2


def test_channels_come_last_on_a_gpu_alone():
    assert speed.layout(torch.device("cuda", 1)) is torch.channels_last
    assert speed.layout(torch.device("cpu")) is torch.contiguous_format


@every_method
def test_channels_last_changes_nothing_but_rounding(name, toy, monkeypatch):
    terms = []
    for order in (torch.contiguous_format, torch.channels_last):
        monkeypatch.setattr(speed, "layout", lambda device, order=order: order)
        training = trainer(small(name), toy)
        weights = [p for p in training.method.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
        for image in (*weights, *training.batch(0).values()):
            assert image.is_contiguous(memory_format=order)
        terms.append({k: v for step in range(2) for k, v in training.one_step(step, None).items()})
    assert terms[0].keys() == terms[1].keys()
    for key, wanted in terms[0].items():
        torch.testing.assert_close(terms[1][key], wanted, rtol=1e-3, atol=1e-5, msg=lambda m, key=key: f"{key}: {m}")


@pytest.mark.parametrize("orders", [("contiguous_format", "channels_last"), ("channels_last", "contiguous_format")])
def test_a_run_goes_on_where_the_other_order_is_used(orders, toy, small_grit, tmp_path, monkeypatch):
    """A checkpoint of a CPU on a GPU, and the reverse: weights and Adam's state are taken over exactly, in the order of
    their new place."""
    monkeypatch.setattr(speed, "layout", lambda device: getattr(torch, orders[0]))
    settings = {"batch_size": 2, "precision": "fp32", "progress": False}
    first = fit(small_grit(), toy(), tmp_path, steps=2, **settings)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert content["state"].keys() == small_grit().state_dict().keys()
    monkeypatch.setattr(speed, "layout", lambda device: getattr(torch, orders[1]))
    seen = []

    class Watched(Trainer):
        def resume(self):
            super().resume()
            seen.append(self)

    monkeypatch.setattr(sys.modules["gritlib.training.fit"], "Trainer", Watched)
    fit(small_grit(), toy(), tmp_path, steps=2, resume=True, **settings)
    (resumed,) = seen
    for name, optimizer in resumed.optimizers.items():
        stored = content["optimizers"][name]["state"]
        for i, p in enumerate(resumed.params[name]):
            state = optimizer.state[p]
            assert state["exp_avg"].stride() == state["exp_avg_sq"].stride() == p.stride()
            assert torch.equal(state["exp_avg"], stored[i]["exp_avg"])
            assert torch.equal(state["exp_avg_sq"], stored[i]["exp_avg_sq"])
    for key, weight in first.trained.state_dict().items():
        assert torch.equal(resumed.method.state_dict()[key], weight)


def test_cudnn_tries_its_algorithms_on_a_gpu_and_only_inside():
    assert not torch.backends.cudnn.benchmark
    with speed.trying_algorithms(torch.device("cuda")):
        assert torch.backends.cudnn.benchmark
    with speed.trying_algorithms(torch.device("cpu")):
        assert not torch.backends.cudnn.benchmark
    with pytest.raises(KeyError), speed.trying_algorithms(torch.device("cuda")):
        raise KeyError
    assert not torch.backends.cudnn.benchmark


def test_what_cannot_be_compiled_is_refused(toy):
    with pytest.raises(ValueError, match="R1 of sincut differentiates twice"):
        speed.compile_networks(small("sincut"))
    with pytest.raises(ValueError, match="compile and recompute"):
        fit(small("grit"), toy(), steps=1, compile=True, recompute=True, progress=False)


@pytest.mark.slow
def test_compiled_networks_draw_what_torch_draws():
    """GRIT's noise and dropout are drawn inside; what compiles has random numbers of its own unless told otherwise."""

    class Noisy(nn.Module):
        def forward(self, x):
            return x + draws.randn((2, 1, 4, 4))

    net = Noisy()
    method = SimpleNamespace(name="toy", config=None, players={"one": Player(("G",), 1.0, (0.0, 0.0))}, G=net)
    torch.manual_seed(0)
    wanted = net(torch.ones(2, 1, 4, 4))
    speed.compile_networks(method)
    torch.manual_seed(0)
    assert net._compiled_call_impl is not None and torch.equal(net(torch.ones(2, 1, 4, 4)), wanted)


@pytest.mark.slow
def test_compiled_networks_take_the_same_step(toy, monkeypatch):
    """On a machine without a C++ compiler the graphs are taken, but run by PyTorch."""
    from torch._inductor import cpp_builder

    try:
        cpp_builder.get_cpp_compiler()
    except Exception:
        original = nn.Module.compile
        monkeypatch.setattr(nn.Module, "compile", lambda net, options: original(net, backend="aot_eager"))
    name, sizes = "pix2pix", {"width": 2, "depth": 2}
    terms = []
    for compiled in (False, True):
        training = trainer(small(name, **sizes), toy, TrainConfig(**{**vars(PLAIN), "compile": compiled}))
        assert all((getattr(training.method, net)._compiled_call_impl is not None) == compiled for net in "GD")
        terms.append(training.one_step(0, None))
    for key, wanted in terms[0].items():
        torch.testing.assert_close(terms[1][key], wanted, rtol=1e-4, atol=1e-7, msg=lambda m, key=key: f"{key}: {m}")
    plain, method = small(name, **sizes), training.method
    assert method.state_dict().keys() == plain.state_dict().keys()
    plain.load_state_dict(method.state_dict())
    twin = copy.deepcopy(method)
    assert twin.G._compiled_call_impl is None, "a copy is not compiled"
    image = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)
    assert torch.equal(training.ema.averaged(method).translate(image, noise="zero").image.isfinite(), image.isfinite())
    assert torch.equal(twin.translate(image, noise=1).image, plain.translate(image, noise=1).image)
