"""01.3: how many input pixels one output of a stack of convolutions sees.

The formula is checked against a measurement that does not use it: how far the gradient of one output reaches. For a
class that has a cohort key every convolution is dilated.
"""

import hashlib

import torch

from gritlib.course.compare import NO_RETURN, brief, difference
from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.nets.patchgan import receptive_field

PUBLIC = 1  # dilation of an ordinary convolution
PATCHES = {16: [(4, 2), (4, 1), (4, 1)], 70: [(4, 2)] * 3 + [(4, 1)] * 2, 286: [(4, 2)] * 5 + [(4, 1)] * 2}


def field_of(inputs, receptive_field):
    return {"field": receptive_field([tuple(layer) for layer in inputs["layers"]])}


def fields_of_parts(inputs, receptive_field):
    a, b = ([tuple(layer) for layer in inputs[name]] for name in "ab")
    return {"a": receptive_field(a), "b": receptive_field(b), "a + b": receptive_field(a + b)}


def fields_of_papers(inputs, receptive_field):
    return {name: receptive_field([tuple(layer) for layer in layers]) for name, layers in inputs.items()}


def draw_layers(generator, strides=(2, 3)):
    """Three to five layers, the first two with a stride of `strides`. No stride is larger than its kernel: nothing
    between the first and the last pixel is left out, so that counting pixels is a right answer too."""
    n = int(torch.randint(3, 6, (), generator=generator))
    low, high = strides
    first = torch.randint(low, high + 1, (2,), generator=generator).tolist()
    others = torch.randint(1, high + 1, (n - 2,), generator=generator).tolist()
    more = torch.randint(0, 4, (n,), generator=generator).tolist()
    return {"layers": [(max(2, s + m), s) for s, m in zip(first + others, more, strict=True)]}


def draw_unit_strides(generator):
    return draw_layers(generator, (1, 1))


def draw_two_stacks(generator):
    return {name: draw_layers(generator)["layers"][:3] for name in "ab"}


def draw_papers(generator):
    return {f"{size}x{size}": layers for size, layers in PATCHES.items()}


def footprint(layers: list[tuple[int, int]], dilation: int) -> int:
    """Pixels from the first to the last that has an influence on one output: measured, with weights of 1 that cannot
    cancel."""
    pixels = torch.zeros(1, 1, 4096, dtype=torch.float64, requires_grad=True)
    h = pixels
    for kernel, stride in layers:
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        h = torch.nn.functional.conv1d(h, weight, stride=stride, dilation=dilation)
    h[0, 0, 0].backward()
    seen = pixels.grad.flatten().nonzero()
    return int(seen.max() - seen.min()) + 1


def grown(dilation: int, start: int = 1, jump: int = 1, widen=None, stretch=None, jump_first: bool = False):
    """receptive_field from its recursion, with each ingredient replaceable by a wrong one."""
    widen = widen or (lambda kernel: (kernel - 1) * dilation)
    stretch = stretch or (lambda jump, stride: jump * stride)

    def receptive_field(layers):
        r, j = start, jump
        for kernel, stride in layers:
            after = stretch(j, stride)
            r += widen(kernel) * (after if jump_first else j)
            j = after
        return r

    return receptive_field


def wrong_end(dilation: int):
    def receptive_field(layers):
        side = 1
        for kernel, stride in layers:
            side = (side - 1) * stride + (kernel - 1) * dilation + 1
        return side

    return receptive_field


def mistakes(d: int) -> tuple[Mistake, ...]:
    strides_added = (
        "It looks as if strides are added up. After a layer of stride 2 and one of stride 3, neighbouring outputs lie "
        "6 pixels apart, not 5: they multiply."
    )
    common = (
        Mistake(
            "It looks as if a layer's own stride already counts for its own kernel. The kernel's pixels lie as far "
            "apart as the layers *before* it have made them: first let the side grow, then the distance.",
            grown(d, jump_first=True),
        ),
        Mistake(
            "It looks as if a kernel of k adds k pixels: its first pixel was already counted, so it adds k − 1.",
            grown(d, widen=lambda kernel: kernel * d),
        ),
        Mistake(
            "It looks as if strides have no effect. After a layer of stride 2 a step to the neighbour is a step of 2 "
            "pixels of the image, so later kernels reach twice as far.",
            grown(d, stretch=lambda jump, stride: jump),
        ),
        Mistake(strides_added, grown(d, stretch=lambda jump, stride: jump + stride)),
        Mistake(strides_added, grown(d, stretch=lambda jump, stride: jump + stride - 1)),
        Mistake(strides_added, grown(d, jump=0, stretch=lambda jump, stride: jump + stride)),
        Mistake(
            "It looks as if you begin with 0: without any layer an output is a pixel and sees that one pixel.",
            grown(d, start=0),
        ),
        Mistake(
            "It looks as if the recursion (side − 1)·stride + kernel begins at the first layer. It asks what the "
            "output needs, then what that needs, and so on: it begins at the last layer.",
            wrong_end(d),
        ),
    )
    if d == PUBLIC:
        return common
    return (
        Mistake(
            f"This is the public version, for ordinary convolutions. In your class they are dilated by {d}: see the "
            "last sentence of the docstring.",
            grown(PUBLIC),
        ),
        Mistake(
            "It looks as if the dilation also moves the outputs apart. It spreads the kernel's pixels; how far apart "
            "two outputs are is the stride's doing alone.",
            grown(d, stretch=lambda jump, stride: jump * stride * d),
        ),
        Mistake(
            f"It looks as if a dilated kernel of k covers {d}·k pixels. Between its k pixels lie k − 1 gaps, and only "
            "these are spread.",
            grown(d, widen=lambda kernel: kernel * d - 1),
        ),
        *common,
    )


def exercise(dilation: int, reference, note: str = "") -> Exercise:
    def judge_footprint(inputs, got, wanted):
        seen = footprint(inputs["layers"], dilation)
        if difference(got["field"], seen, 0, 1e-9):
            if got["field"] is None:
                return f"your function says None{NO_RETURN}"
            return (
                f"your function says {brief(got['field'])} for {inputs['layers']} (kernel, stride); the gradient of "
                f"one output spans {seen} input pixels"
            )
        return None

    def judge_sum(inputs, got, wanted):
        said = difference(got, wanted, 0, 1e9)
        if said:
            return said
        jump = 1
        for _, stride in inputs["a"]:
            jump *= stride
        composed = got["a"] + jump * (got["b"] - 1)
        if got["a + b"] == composed:
            return None
        return (
            f"rf(a + b) = {brief(got['a + b'])}, but rf(a) + jump(a)·(rf(b) − 1) = {brief(got['a'])} + {jump}·"
            f"({brief(got['b'])} − 1) = {brief(composed)}, where jump(a) is the product of a's strides"
        )

    return Exercise(
        id="01.3",
        names=("receptive_field",),
        reference=(reference,),
        minutes=12,
        parts=(
            Part(
                "layers of stride 1: as wide as the gradient of one output",
                1,
                draw_unit_strides,
                field_of,
                judge_footprint,
                "Begin with one layer: which pixels does one output see? Then put a second one behind it.",
                repeat=4,
            ),
            Part(
                "any strides: as wide as the gradient of one output",
                2,
                draw_layers,
                field_of,
                judge_footprint,
                "Two numbers change from layer to layer: how wide one output sees, and how many input pixels lie "
                "between two neighbouring outputs. Draw two layers of stride 2.",
                repeat=8,
            ),
            Part(
                "a stack behind a stack: rf(a + b) = rf(a) + jump(a)·(rf(b) − 1), jump(a) being the product of a's "
                "strides",
                0,
                draw_two_stacks,
                fields_of_parts,
                judge_sum,
                repeat=4,
            ),
            Part(
                "the PatchGANs of the paper" + (f", dilated by {dilation}" if dilation > 1 else ": 16, 70, 286"),
                0,
                draw_papers,
                fields_of_papers,
            ),
        ),
        mistakes=mistakes(dilation),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: convolutions dilated by 2, 3 or 4."""
    d = 2 + hashlib.sha256(key.encode()).digest()[0] % 3
    return exercise(d, grown(d), f"In this class every convolution is dilated by {d}: its pixels lie {d} apart.")


RECEPTIVE_FIELD = exercise(PUBLIC, receptive_field)
