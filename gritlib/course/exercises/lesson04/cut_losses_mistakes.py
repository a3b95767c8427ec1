"""What people write before the right 04.4, as variations of the right one, and what is said about each. Those that are
special cases of others come first."""

import torch
from torch.nn import functional as F

from gritlib.course.exercise import Mistake
from gritlib.course.exercises.lesson04.patch_nce import patch_nce


def mirrored(images):
    return images.flip(-1)


def as_it_is(images):
    return images


def mean_of_means(losses):
    return sum(loss.mean() for loss in losses) / len(losses)


def by_name(found, names):
    return [found[name] for name in names]


def losing(
    *,
    mirror=mirrored,
    undo=mirrored,
    image_back=as_it_is,
    keys="reused",
    places="shared",
    contrast=patch_nce,
    tau=lambda cfg: cfg.tau,
    patches=lambda cfg: cfg.patches,
    reduce=mean_of_means,
    cut=(),
    query=None,
    identity=lambda cfg: cfg.identity_weight > 0,
    weight_x=lambda cfg: cfg.nce_weight,
    weight_y=lambda cfg: cfg.identity_weight,
    halve=(True, True, False),
    pair=lambda x, y, fake: (y, None),
    gan=lambda D, fake, x, y: (D(fake) - 1).square().mean(),
    y_term=None,
    listed=by_name,
):
    """The right losses, or something different.

    Args:
        mirror: of x. undo: of the output's features. image_back: of the output before it is encoded.
        keys: "reused"; "again" encodes x once more; "mirrored" keeps the mirrored input's with the flip.
        places: "shared" or "own". contrast, tau, patches, reduce: of PatchNCE. cut: "image", "query", what is detached.
        query: (G, fake, features of the forward pass) -> features of the output.
        identity: is there a Y term? weight_x, weight_y: λ. halve: nce_x and nce_y with the Y term, nce_x without.
        pair: key's and (None: made from it) query's image of the Y term. gan: the adversarial term. y_term: nce_y.
        listed: (dict of features, names) -> list for heads.
    """

    def cut_losses(G, D, heads, x, y, cfg):
        def nce(found, fake, flip):
            fake = image_back(fake) if flip else fake
            features = (
                query(G, fake, found) if query else G.encode(fake.detach() if "image" in cut else fake, cfg.layers)
            )
            queries = [undo(f) if flip else f for f in listed(features, cfg.layers)]
            k, at = heads(listed(found, cfg.layers), patches(cfg))
            q, _ = heads(queries, patches(cfg), at if places == "shared" else None)
            q = [side.detach() for side in q] if "query" in cut else q
            return reduce([contrast(a, b, tau(cfg)) for a, b in zip(q, k, strict=True)])

        fake, found = G(mirror(x) if cfg.flip else x, taps=cfg.layers)
        if keys == "again" or (keys == "reused" and cfg.flip):
            found = G.encode(x, cfg.layers)
        nce_x = weight_x(cfg) * nce(found, fake, cfg.flip)
        if identity(cfg):
            key, image = pair(x, y, fake)
            same, found = G(key, taps=cfg.layers)
            found = G.encode(key, cfg.layers) if keys == "again" else found
            same = same if image is None else image
            nce_y = y_term(key, same) if y_term else nce(found, same, False)
            nce_y = weight_y(cfg) * nce_y * (0.5 if halve[1] else 1)
            nce_x = nce_x * (0.5 if halve[0] else 1)
        else:
            nce_x, nce_y = nce_x * (0.5 if halve[2] else 1), 0 * nce_x.detach()
        return {"gan": gan(D, fake, x, y), "nce_x": nce_x, "nce_y": nce_y}

    return cut_losses


def keys_move(q, k, tau):
    """patch_nce with the printed equation's gradient."""
    logits = q @ k.transpose(1, 2) / tau
    return logits.logsumexp(2) - logits.diagonal(dim1=1, dim2=2)


def dict_for_list(G, D, heads, x, y, cfg):
    heads(G(x, taps=cfg.layers)[1], cfg.patches)


def pair_for_image(G, D, heads, x, y, cfg):
    D(G(x, taps=cfg.layers))


def pair_encoded(G, D, heads, x, y, cfg):
    G.encode(G(x, taps=cfg.layers), cfg.layers)


def no_taps(G, D, heads, x, y, cfg):
    _fake, _features = G(x)


NOT_UNDONE = (
    "It looks as if the flip is not undone. G saw a mirror image, so what was on the left of x lies on the right of "
    "the output: mirror the output's features back before they are compared with those of x."
)
OTHER_AXIS = (
    "It looks as if the flip turns images upside down. A mirror image left to right is a flip of the last dimension, "
    "the columns: .flip(-1). The roof of a house stays on top."
)
KEYS_MIRRORED = (
    "It looks as if the keys are the features of the mirrored input. Then output and input are mirror images alike, "
    "and the flip is ordinary augmentation: nothing asks G to do the same to an image and to its mirror image. With "
    "the flip, the keys are the features of x as it is: G.encode(x, ...)."
)
ONE_SIDE = (
    "It looks as if one side is mirrored and the other is not: left is compared with right. With the flip the keys are "
    "features of x as it is, G.encode(x, ...), and the output's features are mirrored back."
)
IMAGE_BACK = (
    "It looks as if the output is mirrored back before it is encoded. FastCUT encodes what G made, and mirrors the "
    "features back: so the first half, too, has to treat left and right alike."
)
NOT_HALVED = (
    "It looks as if the two terms are not halved. With the identity term the authors' code takes (NCE_X + NCE_Y) / 2: "
    "half of each. The printed equation has no ½."
)
ALWAYS_HALVED = "It looks as if nce_x is halved without the identity term too: the ½ belongs to the mean of two terms."
WITH_X = (
    "It looks as if the identity term is made with x. It asks that an image that is real already, y, stays as it is: "
    "keys from y, queries from G(y)."
)
ALWAYS_Y = (
    "It looks as if the identity term is there although cfg.identity_weight is 0. FastCUT has λ_Y = 0: nce_y is 0, "
    "nothing is halved, and G never sees y."
)
EXCHANGED = (
    "It looks as if query and key are exchanged. In patch_nce(q, k) the query belongs to the output, which has to "
    "follow, and the key to the input, which stays. The other way round the gradient never reaches the output."
)
OWN_PLACES = (
    "It looks as if queries and keys are taken at different places: heads draws anew in each call. What the first call "
    "returns as places goes into the second: heads(features, n, places)."
)
TWICE = (
    "It looks as if x is encoded a second time for the keys. The values are right, and the authors' code does the "
    "same; but G(x, taps=...) returned exactly these features with the image, so the second pass is work for nothing, "
    "and without no_grad a graph that nobody uses. With the identity term the same holds for y."
)
DECODER = (
    "It looks as if the output is detached before it is encoded: PatchNCE then trains encoder and heads, and the "
    "second half of G, which paints the image, never hears of it. In the authors' ablation on horse to zebra the FID "
    "then rises from 46.6 to 444.2."
)
NO_QUERY = (
    "It looks as if the queries are detached: PatchNCE then trains nothing. The keys stay where they are, the queries "
    "carry the gradient."
)
KEYS_MOVE = (
    "It looks as if a gradient flows into the keys: the values are right, but features of the input move too. The "
    "printed equation leaves that open; authors' code and course keep the keys still, so that the output follows the "
    "input."
)
SUM = "It looks as if losses are added up: a mean over places and images, then a mean over layers."
LAYER_SHARE = (
    "It looks as if the losses of all layers lie in one long list before the mean: then layers with many places "
    "decide. Take a mean of each layer, then the mean of these."
)
ONE_LAYER = (
    "It looks as if one layer alone counts: does a loop overwrite its sum, or return inside itself? All of cfg.layers "
    "have the same share."
)
BY_ORDER = (
    "It looks as if features are taken in the order in which the dict holds them, list(features.values()). cfg.layers "
    "says which head is whose: [features[name] for name in cfg.layers]."
)
FLIPPED_ELSE = "It looks as if the batch or the channels are turned over: .flip(-1) is the last dimension, the columns."
ONE_HALF = "It looks as if only one of the two terms is halved: (NCE_X + NCE_Y) / 2 is half of each."
TWO_THINGS = (
    "With taps, G returns two things: the image and a dict of features. Take them apart: fake, features = G(...)."
)

# What is said -> wrong adversarial terms.
GAN = {
    "It looks as if gan has 0 for its aim: that is D's aim for outputs. G wants D to say 1.": (
        lambda D, fake, x, y: D(fake).square().mean(),
    ),
    "It looks as if gan is lesson 01's logarithmic loss. CUT has CycleGAN's least squares, (D(fake) − 1)².": (
        lambda D, fake, x, y: F.softplus(-D(fake)).mean(),
    ),
    "It looks as if the square is missing in gan: the mean of (D(fake) − 1)².": (
        lambda D, fake, x, y: (D(fake) - 1).mean(),
        lambda D, fake, x, y: (D(fake) - 1).abs().mean(),
    ),
    "It looks as if gan is halved: D's loss is, G's is not.": (
        lambda D, fake, x, y: (D(fake) - 1).square().mean() / 2,
    ),
    "It looks as if the output is detached before D judges it: that belongs to D's turn. Here it is G that learns.": (
        lambda D, fake, x, y: (D(fake.detach()) - 1).square().mean(),
    ),
    "It looks as if D judges the wrong image: gan asks D about the output of G for x.": (
        lambda D, fake, x, y: (D(y) - 1).square().mean(),
        lambda D, fake, x, y: (D(x) - 1).square().mean(),
    ),
    "It looks as if gan holds D's own loss of the real image too: G has no part in that.": (
        lambda D, fake, x, y: (D(fake) - 1).square().mean() + (D(y) - 1).square().mean(),
        lambda D, fake, x, y: (D(y) - 1).square().mean() + D(fake).square().mean(),
    ),
}

MISTAKES = (
    Mistake(OTHER_AXIS, losing(mirror=lambda x: x.flip(2), undo=lambda f: f.flip(2))),
    Mistake(OTHER_AXIS, losing(mirror=lambda x: x.flip(2), undo=as_it_is)),
    Mistake(
        "It looks as if x is mirrored and the features are turned upside down, or the other way round: both flips run "
        "along the last dimension, the columns.",
        losing(undo=lambda f: f.flip(2)),
    ),
    Mistake(OTHER_AXIS, losing(mirror=lambda x: x.flip(2))),
    Mistake(
        "It looks as if both axes are turned over. A mirror image left to right is a flip of the last dimension alone.",
        losing(mirror=lambda x: x.flip(2, 3), undo=lambda f: f.flip(2, 3)),
    ),
    Mistake(FLIPPED_ELSE, losing(undo=lambda f: f.flip(1))),
    Mistake(FLIPPED_ELSE, losing(mirror=lambda x: x.flip(1), undo=lambda f: f.flip(1))),
    Mistake(KEYS_MIRRORED, losing(keys="mirrored", undo=as_it_is)),
    # Where networks treat left and right alike, the next two cannot be told apart: what is said is true of both.
    Mistake(ONE_SIDE, losing(keys="mirrored")),
    Mistake(NOT_UNDONE, losing(undo=as_it_is)),
    Mistake(IMAGE_BACK, losing(image_back=mirrored, undo=as_it_is)),
    Mistake(
        "It looks as if cfg.flip is not used: with it, G sees the mirror image of x.",
        losing(mirror=as_it_is, undo=as_it_is),
    ),
    Mistake(
        "It looks as if x itself is not mirrored, only the features are: G sees the mirror image, and the features of "
        "its output are mirrored back.",
        losing(mirror=as_it_is),
    ),
    Mistake(OWN_PLACES, losing(places="own")),
    Mistake(
        "It looks as if the queries are features of x too: each patch is compared with itself, whatever G paints. "
        "Encode the output, G.encode(fake, cfg.layers).",
        losing(query=lambda G, fake, found: found),
    ),
    Mistake(EXCHANGED, losing(contrast=lambda q, k, tau: patch_nce(k, q, tau))),
    Mistake(BY_ORDER, losing(listed=lambda found, names: list(found.values()))),
    Mistake(
        "It looks as if λ_X and λ_Y are exchanged: cfg.nce_weight belongs to x and G(x), cfg.identity_weight to y and "
        "G(y).",
        losing(weight_x=lambda cfg: cfg.identity_weight, weight_y=lambda cfg: cfg.nce_weight),
    ),
    Mistake(ALWAYS_HALVED, losing(halve=(True, True, True))),
    Mistake(
        "It looks as if there is no identity term: with cfg.identity_weight above 0, nce_y compares y with G(y).",
        losing(identity=lambda cfg: False),
    ),
    Mistake(
        "It looks as if there is no identity term, yet nce_x is halved: with cfg.identity_weight above 0, nce_y "
        "compares y with G(y).",
        losing(identity=lambda cfg: False, halve=(True, True, True)),
    ),
    Mistake(WITH_X, losing(pair=lambda x, y, fake: (x, None))),
    Mistake(WITH_X, losing(pair=lambda x, y, fake: (y, fake))),
    Mistake(
        "It looks as if y does not pass through G: the queries of nce_y are features of G(y).",
        losing(pair=lambda x, y, fake: (y, y)),
    ),
    Mistake(
        "It looks as if nce_y is the distance of y and G(y): that is CycleGAN's identity loss. CUT's asks the same of "
        "patches as nce_x does: heads, places, patch_nce.",
        losing(y_term=lambda key, same: (key - same).abs().mean()),
    ),
    Mistake(
        "It looks as if nce_y has λ_X for its weight: it is cfg.identity_weight times its mean.",
        losing(weight_y=lambda cfg: cfg.nce_weight),
    ),
    Mistake(
        "It looks as if nce_y has no weight: it is multiplied by cfg.identity_weight.", losing(weight_y=lambda cfg: 1.0)
    ),
    Mistake(
        "It looks as if nce_x has no weight: it is multiplied by cfg.nce_weight.", losing(weight_x=lambda cfg: 1.0)
    ),
    Mistake(NOT_HALVED, losing(halve=(False, False, False))),
    Mistake(ONE_HALF, losing(halve=(False, True, False))),
    Mistake(ONE_HALF, losing(halve=(True, False, False))),
    Mistake(ALWAYS_Y, losing(identity=lambda cfg: True, weight_y=lambda cfg: cfg.nce_weight)),
    Mistake(ALWAYS_Y, losing(identity=lambda cfg: True, weight_y=lambda cfg: 1.0)),
    Mistake(ALWAYS_Y, losing(identity=lambda cfg: True, halve=(False, False, False))),
    Mistake(ALWAYS_Y, losing(identity=lambda cfg: True)),
    Mistake(SUM, losing(reduce=lambda losses: sum(loss.mean() for loss in losses))),
    Mistake(SUM, losing(reduce=lambda losses: sum(loss.sum() for loss in losses))),
    Mistake(SUM, losing(reduce=lambda losses: sum(loss.sum() for loss in losses) / len(losses))),
    Mistake(SUM, losing(reduce=lambda losses: sum(loss.sum(1).mean() for loss in losses))),
    Mistake(LAYER_SHARE, losing(reduce=lambda losses: torch.cat([loss.flatten() for loss in losses]).mean())),
    Mistake(ONE_LAYER, losing(reduce=lambda losses: losses[-1].mean())),
    Mistake(ONE_LAYER, losing(reduce=lambda losses: losses[0].mean())),
    Mistake(
        "It looks as if only the last layer counts, divided by the number of layers: does a loop overwrite its sum?",
        losing(reduce=lambda losses: losses[-1].mean() / len(losses)),
    ),
    Mistake(
        "It looks as if cfg.tau is not used: patch_nce takes it as its third argument.", losing(tau=lambda cfg: 0.07)
    ),
    Mistake(
        "It looks as if heads is asked for another number of places: it is cfg.patches.",
        losing(patches=lambda cfg: 256),
    ),
    Mistake(TWICE, losing(keys="again")),
    Mistake(DECODER, losing(cut=("image",))),
    Mistake(NO_QUERY, losing(cut=("query",))),
    Mistake(KEYS_MOVE, losing(contrast=keys_move)),
    *(Mistake(message, losing(gan=gan)) for message, tries in GAN.items() for gan in tries),
    Mistake(
        "If the error speaks of string indices: heads takes a list of features in the order of cfg.layers, and you "
        "hand it the dict: [features[name] for name in cfg.layers].",
        dict_for_list,
    ),
    Mistake(TWO_THINGS, pair_for_image),
    Mistake(TWO_THINGS, pair_encoded),
    Mistake(
        "Without taps, G returns the image alone. G(x, taps=cfg.layers) returns the image and a dict of features.",
        no_taps,
    ),
)
