"""04.3: what a "patch" of CUT sees of the image, layer by layer.

The numbers are checked against a measurement that does not use the formula: how far the gradient of one value reaches.
"""

import torch

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.nets import resnet

NAMES = ("rgb", "down1", "down2", *(f"res{i}" for i in range(1, 10)))
PAPERS = ("rgb", "down1", "down2", "res1", "res5")


def encoder_fields(layers: list[str], antialias: bool) -> list[int]:
    fields = resnet.encoder_fields(antialias, 9)
    return [fields[name] for name in layers]


def fields_of(inputs, encoder_fields):
    return {"fields": encoder_fields(list(inputs["layers"]), inputs["antialias"])}


def fields_with_and_without(inputs, encoder_fields):
    return {
        "with the blur": encoder_fields(list(inputs["layers"]), True),
        "without": encoder_fields(list(inputs["layers"]), False),
    }


def draw_layers(generator, antialias):
    """Five layers in any order, among them two blocks that are far apart."""
    blocks = [f"res{1 + int(torch.randint(4, (), generator=generator))}"]
    blocks += [f"res{5 + int(torch.randint(5, (), generator=generator))}"]
    names = [*NAMES[:3], *blocks]
    return {"layers": [names[i] for i in torch.randperm(5, generator=generator).tolist()], "antialias": antialias}


def draw_blurred(generator):
    return draw_layers(generator, True)


def draw_plain(generator):
    return draw_layers(generator, False)


def draw_papers(generator):
    return {"layers": list(PAPERS)}


def footprints(antialias: bool) -> dict[str, int]:
    """Pixels from the first to the last that has an influence on one value of each layer: measured along one axis, with
    weights of 1 that cannot cancel."""

    def convolved(h, kernel, stride=1):
        return torch.nn.functional.conv1d(h, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)

    pixels = torch.zeros(1, 1, 400, dtype=torch.float64, requires_grad=True)
    seen, h = {"rgb": pixels}, convolved(pixels, 7)
    for name in NAMES[1:3]:
        seen[name] = h = convolved(h, 3, 1 if antialias else 2)
        h = convolved(h, 3, 2) if antialias else h
    for name in NAMES[3:]:
        seen[name] = h = convolved(convolved(h, 3), 3)
    reach = {}
    for name, value in seen.items():
        (gradient,) = torch.autograd.grad(value[0, 0, 0], pixels, retain_graph=True)
        met = gradient.flatten().nonzero()
        reach[name] = int(met.max() - met.min()) + 1
    return reach


def judge(inputs, got, wanted):
    fields, layers = got["fields"], inputs["layers"]
    if not isinstance(fields, (list, tuple)) or len(fields) != len(layers):
        return returned(fields, f"a list of {len(layers)} numbers, one for each name")
    seen = footprints(inputs["antialias"])
    for name, field in zip(layers, fields, strict=True):
        if number(field) is None or difference(field, seen[name], 0, 1e-9):
            return (
                f"{name}, {'with' if inputs['antialias'] else 'without'} the blur: your function says {brief(field)}; "
                f"the gradient of one value spans {seen[name]} input pixels"
            )
    return None


def walked(
    *,
    stem=6,
    kernel=2,
    block=2,
    pixels=1,
    blur=lambda antialias, jump: 2 * jump if antialias else 0,
    tap=lambda bare, blurred: bare,
    stretch=lambda jump: 2 * jump,
    early=lambda antialias, jump: jump,
    order=lambda layers: layers,
    skipped=0,
):
    """encoder_fields as a walk through the encoder, with each step replaceable by a wrong one.

    Args:
        stem: what the 7x7 adds. kernel: what a 3x3 adds, times the jump. block: convolutions in a block. pixels: what a
            pixel sees of itself. blur: what it adds. tap: the layer's field, from those before and behind the blur.
            stretch: the jump after a halving. early: the jump that a halving convolution already has. order: of the
            answer. skipped: blocks that are not counted.
    """

    def encoder_fields(layers, antialias):
        r, jump, fields = pixels + stem, 1, {"rgb": pixels}
        for name in NAMES[1:3]:
            r += kernel * early(antialias, jump)
            blurred = r + blur(antialias, jump)
            fields[name] = tap(r, blurred)
            r, jump = blurred, stretch(jump)
        for i, name in enumerate(NAMES[3:]):
            r += block * kernel * jump if i >= skipped else 0
            fields[name] = r
        return [fields[name] for name in order(layers)]

    return encoder_fields


right = walked()

STEM = (
    "It looks as if the 7×7 convolution at the entrance is left out: before the first halving every value already sees "
    "7 pixels."
)
COUNTED_K = "It looks as if a kernel of k adds k pixels: its first pixel was already counted, so it adds k − 1."
BLUR_LATE = (
    "It looks as if the blur's taps lie 2 steps apart already. The blur has stride 2: the steps grow behind it, for "
    "what comes next; its own three taps are neighbours on the map before it."
)

ENCODER_FIELDS = Exercise(
    id="04.3",
    names=("encoder_fields",),
    reference=(encoder_fields,),
    minutes=10,
    parts=(
        Part(
            "with the blur: as wide as the gradient of one value",
            1,
            draw_blurred,
            fields_of,
            judge,
            "A halving is two kernels here: a 3×3 of stride 1, whose output is the layer, and a blur of 3 taps and "
            "stride 2. For each kernel ask what it adds and how far apart its taps lie.",
            repeat=4,
        ),
        Part(
            "without it: as wide as the gradient of one value",
            1,
            draw_plain,
            fields_of,
            judge,
            "Walk through the encoder with lesson 01's two numbers: how wide one value sees, and how many pixels lie "
            "between neighbours. Kernels: 7; 3 with stride 2, twice; then two of 3 in every block.",
            repeat=4,
        ),
        Part(
            "CUT's five layers: 1, 9, 15, 35, 99 with the blur, 1, 9, 13, 29, 93 without",
            0,
            draw_papers,
            fields_with_and_without,
        ),
    ),
    mistakes=(
        Mistake(
            "It looks as if the blur is left out: its three taps also widen what all later layers see.",
            walked(blur=lambda antialias, jump: 0),
        ),
        Mistake(
            "It looks as if the blur is always there: without antialias the convolution itself has stride 2.",
            walked(blur=lambda antialias, jump: 2 * jump),
        ),
        Mistake(
            "It looks as if antialias is read the other way round: with it, a blur follows each halving convolution.",
            lambda layers, antialias: right(layers, not antialias),
        ),
        Mistake(BLUR_LATE, walked(blur=lambda antialias, jump: 4 * jump if antialias else 0)),
        Mistake(
            "It looks as if down1 and down2 are taken behind their blur: the layer is the convolution's own output, "
            "before it.",
            walked(tap=lambda bare, blurred: blurred),
        ),
        Mistake(
            "It looks as if convolution and blur both halve: with antialias only the blur has stride 2.",
            lambda layers, antialias: walked(
                blur=lambda antialias, jump: 4 * jump if antialias else 0,
                stretch=lambda jump: 4 * jump if antialias else 2 * jump,
            )(layers, antialias),
        ),
        Mistake(
            "It looks as if nothing halves when there is a blur: the blur itself has stride 2.",
            lambda layers, antialias: walked(stretch=lambda jump: jump if antialias else 2 * jump)(layers, antialias),
        ),
        Mistake(
            "It looks as if the blur's stride of 2 already counts for the convolution before it.",
            walked(early=lambda antialias, jump: 2 * jump if antialias else jump),
        ),
        Mistake(
            "It looks as if a convolution's own stride already counts for its own kernel: first let the side grow, "
            "then the distance between neighbours.",
            walked(early=lambda antialias, jump: jump if antialias else 2 * jump),
        ),
        Mistake(
            "It looks as if strides have no effect: behind each halving the taps of a kernel lie twice as far apart in "
            "the image.",
            walked(stretch=lambda jump: jump),
        ),
        Mistake("It looks as if a residual block has one convolution: it has two of 3×3.", walked(block=1)),
        Mistake(
            "It looks as if the blocks are counted from 0: res1 is the output of the first block and has passed it.",
            walked(skipped=1),
        ),
        Mistake(STEM, walked(stem=0)),
        Mistake(
            "It looks as if the convolution at the entrance is 3×3 wide: it is 7×7.",
            walked(stem=2),
        ),
        Mistake(COUNTED_K, walked(stem=7)),
        Mistake(COUNTED_K, walked(stem=7, kernel=3, blur=lambda antialias, jump: 3 * jump if antialias else 0)),
        Mistake(COUNTED_K, walked(kernel=3, blur=lambda antialias, jump: 3 * jump if antialias else 0)),
        Mistake(
            "It looks as if rgb is what the 7×7 convolution makes of the image: it is the image itself, where a pixel "
            "sees itself.",
            lambda layers, antialias: [7 if name == "rgb" else right([name], antialias)[0] for name in layers],
        ),
        Mistake(
            "It looks as if you begin with 0: before any convolution a pixel sees one pixel, itself.",
            walked(pixels=0),
        ),
        Mistake(
            "It looks as if the answer has the order of the encoder: it belongs to the names, in the order in which "
            "they are asked for.",
            walked(order=lambda layers: sorted(layers, key=NAMES.index)),
        ),
    ),
)
