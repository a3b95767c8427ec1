"""Exercises of lesson 01, pix2pix: the decoder block, the U-Net, the receptive field."""

import torch
from torch import Tensor, nn

from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.nets.patchgan import receptive_field

# 01.1 — one step of the decoder -------------------------------------------------------------------------------------


class UpBlock(nn.Module):
    """One step of the decoder."""

    def __init__(self, in_ch: int, skip_ch: int, out_ch: int, norm: str = "instance", dropout: bool = False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch) if norm == "instance" else nn.Identity()

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.norm(self.conv(torch.relu(x)))
        return torch.cat([skip, x], dim=1)


def up_output(inputs, UpBlock):
    with torch.random.fork_rng(devices=[]):
        block = UpBlock(*inputs["channels"]).double()
    block.load_state_dict(inputs["state"])
    return {"output": block(inputs["x"], inputs["skip"]).detach()}


def draw_up(generator, batch=2):
    channels = [int(torch.randint(2, 5, (), generator=generator)) for _ in range(3)]
    height, width = (int(torch.randint(2, 5, (), generator=generator)) for _ in range(2))

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    i, s, o = channels
    return {
        "channels": channels,
        "state": {"conv.weight": normal(i, o, 4, 4), "conv.bias": normal(o)},
        "x": normal(batch, i, height, width),
        "skip": normal(batch, s, 2 * height, 2 * width),
    }


class SkipLast(UpBlock):
    def forward(self, x, skip):
        return torch.cat([self.norm(self.conv(torch.relu(x))), skip], dim=1)


UP_BLOCK = Exercise(
    id="01.1",
    names=("UpBlock",),
    reference=(UpBlock,),
    minutes=12,
    parts=(Part("with the same weights, the same output", 3, draw_up, up_output),),
    mistakes=(
        Mistake("The skip comes after the new channels here; the drawing puts the encoder's channels first.", SkipLast),
    ),
)

# 01.3 — the receptive field -----------------------------------------------------------------------------------------


def field_of(inputs, receptive_field):
    return {"field": receptive_field([tuple(layer) for layer in inputs["layers"]])}


def draw_layers(generator):
    n = int(torch.randint(2, 6, (), generator=generator))
    kernels = torch.randint(1, 6, (n,), generator=generator).tolist()
    strides = torch.randint(1, 4, (n,), generator=generator).tolist()
    return {"layers": list(zip(kernels, strides, strict=True))}


def adds_k(layers):
    r, jump = 1, 1
    for k, s in layers:
        r, jump = r + k * jump, jump * s
    return r


RECEPTIVE_FIELD = Exercise(
    id="01.3",
    names=("receptive_field",),
    reference=(receptive_field,),
    minutes=12,
    parts=(Part("kernels and strides in any order", 3, draw_layers, field_of, repeat=8),),
    mistakes=(
        Mistake("It looks as if a kernel of k adds k: its first pixel was already counted, so it adds k − 1.", adds_k),
    ),
)

EXERCISES = (UP_BLOCK, RECEPTIVE_FIELD)
