"""04.4: what CUT's generator and heads minimise in one step, with the identity term and with FastCUT's flip.

Small networks of drawn weights count how many images pass their first half. Every layer is compared at all its places,
in an order that is drawn anew unless places are given: then the losses depend neither on what is drawn nor on the order
of the calls, but on whether query and key come from the same place.
"""

import torch

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson04.cut_losses_mistakes import MISTAKES
from gritlib.course.exercises.lesson04.cut_networks import play
from gritlib.course.exercises.lesson04.patch_nce import patch_nce

NAMES = ("gan", "nce_x", "nce_y")


def cut_losses(G, D, heads, x, y, cfg):
    def nce(keys, fake, flip):
        features = G.encode(fake, cfg.layers)
        queries = [features[name].flip(-1) if flip else features[name] for name in cfg.layers]
        with torch.no_grad():
            k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads(queries, cfg.patches, places)
        terms = [patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k, strict=True)]
        return sum(terms) / len(terms)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    gan = (D(fake) - 1).square().mean()
    if cfg.flip:
        with torch.no_grad():
            keys = G.encode(x, cfg.layers)
    nce_x = cfg.nce_weight * nce(keys, fake, cfg.flip)
    nce_y = torch.zeros_like(nce_x)
    if cfg.identity_weight:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(keys, same, False) / 2
    return {"gan": gan, "nce_x": nce_x, "nce_y": nce_y}


def draw_networks(generator, *report, flip=False, identity=False, gradients=(), even=False, terms=NAMES):
    """Inputs of `play`; `even` networks treat left and right alike."""
    batch = (1, 3)[int(torch.randint(2, (), generator=generator))]
    height, width = (2 * (torch.randperm(3, generator=generator)[:2] + 2)).tolist()

    def normal(*shape, scale=1.0):
        w = scale * torch.randn(*shape, generator=generator, dtype=torch.float64)
        return (w + w.flip(-1)) / 2 if even and len(shape) == 4 else w

    def between(low, high):
        return round(low + (high - low) * float(torch.rand((), generator=generator)), 2)

    channels, dim = 4, 5
    layers = {"rgb": 3, "down1": channels, "res1": channels}
    left_out = ("none", "rgb", "down1", "res1")[int(torch.randint(4, (), generator=generator))]
    # With identity all three: of two layers a sum is twice the mean, as if the halving were missing.
    layers.pop("none" if identity else left_out, None)
    state = {
        "G": [normal(channels, 3, 3, 3, scale=0.4), normal(channels, channels, 3, 3, scale=0.4)],
        "heads": [normal(c, dim) for c in layers.values()],
        "D": [normal(4, 3, 4, 4, scale=0.4), normal(1, 4, 1, 1)],
    }
    state["G"].append(normal(3, channels, 3, 3, scale=0.4))

    def images():
        return torch.tanh(torch.randn(batch, 3, height, width, generator=generator, dtype=torch.float64))

    cfg = {
        "layers": list(layers),
        "patches": int(torch.randint(200, 250, (), generator=generator)),
        "tau": between(0.15, 0.4),
        "nce_weight": between(2, 4),
        "identity_weight": between(0.4, 1.6) if identity else 0.0,
        "flip": flip,
    }
    setup = {"report": list(report), "gradients": list(gradients), "both": even, "terms": list(terms)}
    setup["seed"] = int(torch.randint(2**30, (), generator=generator))
    return {"x": images(), "y": images(), "cfg": cfg, "state": state, "setup": setup}


def draw_gan(generator):
    return draw_networks(generator, "losses", "gradients", gradients=("gan",), terms=("gan",))


def draw_nce(generator):
    return draw_networks(generator, "losses", "places asked for", terms=("nce_x", "nce_y"))


def draw_identity(generator):
    return draw_networks(generator, "losses", identity=True, terms=("nce_x", "nce_y"))


def draw_flip(generator):
    return draw_networks(generator, "losses", flip=True, terms=("nce_x", "nce_y"))


def draw_graph(generator):
    return draw_networks(generator, "losses", "gradients", "images encoded", gradients=("nce_x",), terms=("nce_x",))


def draw_other_graphs(generator):
    identity = bool(torch.randint(2, (), generator=generator))
    gradients = NAMES if identity else NAMES[:2]
    modes = {"identity": identity, "flip": not identity, "gradients": gradients}
    return draw_networks(generator, "losses", "gradients", "images encoded", **modes)


def draw_even(generator):
    return draw_networks(generator, "losses", flip=True, even=True)


def mode(cfg: dict) -> str:
    return "with the flip" if cfg["flip"] else "with identity" if cfg["identity_weight"] else "no flip, no identity"


def drawn(got) -> str | None:
    """What is said of random numbers that nobody asked for."""
    if "drew" not in got:
        return None
    return (
        "your code draws random numbers of its own: cfg.flip already decides for this step whether x is mirrored, and "
        "heads draws the places"
    )


def wrong_kind(losses, inputs: dict) -> str | None:
    """What is wrong with the dict and its values, whatever their size."""
    cfg, terms = inputs["cfg"], inputs["setup"]["terms"]
    if not isinstance(losses, dict):
        return returned(losses, f"a dict of three losses: {', '.join(NAMES)}")
    if set(losses) not in (set(NAMES), set(terms)):
        return f"the dict has the keys {', '.join(sorted(map(str, losses))) or 'none'}; wanted {', '.join(NAMES)}"
    for name, loss in losses.items():
        if isinstance(loss, torch.Tensor) and loss.ndim:
            return f"{name} has the shape {tuple(loss.shape)}: a loss is one number"
        if number(loss) is None:
            return f"{name} is {brief(loss)}, wanted a tensor of one number"
        if not isinstance(loss, torch.Tensor) and (name != "nce_y" or cfg["identity_weight"]):
            return f"{name} is the plain number {brief(loss)}: it must stay a tensor that gradients can flow through"
    return None


def wrong_values(got, wanted, terms, said: str) -> str | None:
    for name in terms:
        values = [number(side["losses"][name]) for side in (got, wanted)]
        if different := difference(*values, 1e-5, 1e-6, name):
            return f"{said}: {different}"
    return None


def judge(inputs, got, wanted):
    cfg, here = inputs["cfg"], mode(inputs["cfg"])
    if said := drawn(got) or wrong_kind(got["losses"], inputs):
        return said
    if said := wrong_values(got, wanted, inputs["setup"]["terms"], here):
        return said
    asked = got.get("places asked for", [])
    if set(asked) - {cfg["patches"]}:
        return f"heads was asked for {', '.join(map(brief, asked))} places, cfg.patches is {cfg['patches']}"
    slopes = wanted.get("gradients", {})
    for what, slope in slopes.items():
        if slope.any() and not got["gradients"][what].any():
            return f"{here}: no gradient of {what}"
    for what, slope in slopes.items():
        if said := difference(got["gradients"][what], slope, 1e-4, 1e-7, f"{here}: gradient of {what}"):
            return said
    if (images := got.get("images encoded")) != (least := wanted.get("images encoded")):
        batch = len(inputs["x"])
        return (
            f"{here}: G's first half saw {images} images in a step with a batch of {batch}, {images / batch:g} times "
            f"the batch; {least / batch:g} times is what it takes"
        )
    return None


def judge_even(inputs, got, wanted):
    for side in got.values():
        if said := drawn(side) or wrong_kind(side["losses"], inputs):
            return said
    a, b = ({name: number(got[side]["losses"][name]) for name in NAMES} for side in ("flipped", "as it is"))
    if said := difference(a, b, 1e-5, 1e-6):
        return f"networks that treat left and right alike, flipped against not flipped: {said}"
    return None


CUT_LOSSES = Exercise(
    id="04.4",
    names=("cut_losses",),
    reference=(cut_losses,),
    minutes=25,
    parts=(
        Part(
            "gan: D should take G's output for real",
            1,
            draw_gan,
            play,
            judge,
            "Least squares: the mean of (D(fake) − 1)², with fake as G made it.",
            repeat=2,
        ),
        Part(
            "nce_x: output against input, mean over places and layers, times λ_X",
            1,
            draw_nce,
            play,
            judge,
            "Keys: the features that came with G(x). Queries: G.encode(fake). Both through heads, with the same "
            "places; patch_nce with cfg.tau; one mean for each layer, then their mean.",
            repeat=3,
        ),
        Part(
            "identity (CUT): nce_y of y and G(y), and half of each of the two terms",
            1,
            draw_identity,
            play,
            judge,
            "The same once more with y in the place of x and λ_Y in that of λ_X; then both terms are halved.",
            repeat=3,
        ),
        Part(
            "flip (FastCUT): G sees the mirror image, its features are mirrored back",
            1,
            draw_flip,
            play,
            judge,
            "Mirror x left to right, the last dimension. Keys: features of x as it is. Queries: features of the "
            "output, each mirrored back along its last dimension.",
            repeat=3,
        ),
        Part(
            "the gradient of nce_x in both halves of G and in the heads, and nothing encoded twice",
            1,
            draw_graph,
            play,
            judge,
            "The keys carry no gradient, the queries all of it: through heads, first half, image and second half.",
            repeat=2,
        ),
        Part(
            "the same with identity and with the flip",
            0,
            draw_other_graphs,
            play,
            judge,
            "gan of the mirrored output, as G made it. With the flip x has to be encoded once more; its graph is not "
            "needed.",
            repeat=6,
        ),
        Part(
            "networks that treat left and right alike: flipped or not, the same losses",
            0,
            draw_even,
            play,
            judge_even,
            "What is mirrored on the way in is mirrored back on the way to the comparison, and nothing else.",
            repeat=2,
        ),
    ),
    mistakes=MISTAKES,
)
