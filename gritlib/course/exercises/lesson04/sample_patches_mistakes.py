"""Common first tries at 04.2, as variations of the right answer."""

import torch

from gritlib.course.exercise import Mistake


def permuted(size, n, generator):
    return torch.randperm(size, generator=generator)[:n]


def at(f, ids):
    return f.flatten(2).transpose(1, 2)[:, ids]


def sampling(draw=permuted, gather=at, given=lambda ids, n: ids):
    """sample_patches with one ingredient replaced: the draw of one map's ids, how patches are taken, what is done with
    ids that are given (ids, n)."""

    def sample_patches(feats, n, ids=None, generator=None):
        ids = given(ids, n) if ids is not None else None
        if ids is None:
            ids = [draw(f.shape[2] * f.shape[3], n, generator) for f in feats]
        return [gather(f, i) for f, i in zip(feats, ids, strict=True)], ids

    return sample_patches


def shared(choose):
    """One draw for all layers."""

    def sample_patches(feats, n, ids=None, generator=None):
        if ids is None:
            ids = [permuted(choose(f.shape[2] * f.shape[3] for f in feats), n, generator)] * len(feats)
        return [at(f, i) for f, i in zip(feats, ids, strict=True)], ids

    return sample_patches


def indexed(size, n, generator):
    return torch.randperm(size, generator=generator)[torch.arange(n)]


def weighed(size, n, generator):
    return torch.multinomial(torch.ones(size), n, generator=generator)


CUT_ANEW = (
    "It looks as if a map is reshaped, with `view` or `reshape`, where it should be flattened and transposed: that "
    "keeps the order of the numbers and cuts it anew, so one patch then holds numbers of one channel at several "
    "places. f.flatten(2) is (B, C, H·W); then exchange the last two dimensions."
)
TOO_MANY = (
    "If the error says that there are too few to draw from: a deep layer has fewer places than n. Take as many as "
    "there are, min(n, H·W)."
)
EACH_LAYER = (
    "It looks as if one draw serves all layers. Layers have different sizes: a place of the first need not exist in "
    "the next, and one that exists in the smallest never reaches the far side of the others. Draw for each."
)
BY_HEIGHT = (
    "It looks as if the number of a place is divided by the height. A row holds W places, so i lies in row i // W and "
    "column i % W; where W is larger, i // H leaves the map."
)
REPLACED = (
    "It looks as if places are drawn with replacement: torch.randint may give a number twice. The first n of a random "
    "permutation never do."
)

MISTAKES = (
    Mistake(CUT_ANEW, sampling(gather=lambda f, ids: f.reshape(len(f), -1, f.shape[1])[:, ids])),
    Mistake(
        "It looks as if the channels still stand before the places: wanted is (B, S, C), a row for each patch.",
        sampling(gather=lambda f, ids: f.flatten(2)[:, :, ids]),
    ),
    Mistake(
        "It looks as if places are counted down the columns, x·H + y. An id is y·W + x: row by row, as flatten does.",
        sampling(gather=lambda f, ids: at(f.transpose(2, 3), ids)),
    ),
    Mistake(
        "It looks as if ids that are given are not used, and new ones are drawn: then query and key come from "
        "different places, and no two of them are partners. Draw only if ids is None.",
        sampling(given=lambda ids, n: None),
    ),
    Mistake(
        "It looks as if given ids are sorted first. Their order carries the pairs: take them as they come.",
        sampling(given=lambda ids, n: [i.sort().values for i in ids]),
    ),
    Mistake(
        "It looks as if only the first n of the ids that are given are used. n is for drawing: given places are taken "
        "as they are, all of them.",
        sampling(given=lambda ids, n: [i[:n] for i in ids]),
    ),
    *(
        Mistake(BY_HEIGHT, sampling(gather=gather))
        for gather in (
            lambda f, ids: f[:, :, ids // f.shape[2], ids % f.shape[2]].mT,
            lambda f, ids: f[:, :, ids // f.shape[2], ids % f.shape[3]].mT,
            lambda f, ids: f.permute(0, 2, 3, 1)[:, ids // f.shape[2], ids % f.shape[2]],
            lambda f, ids: f.permute(0, 2, 3, 1)[:, ids // f.shape[2], ids % f.shape[3]],
            lambda f, ids: torch.stack([f[:, :, i // f.shape[2], i % f.shape[2]] for i in ids.tolist()], 1),
            lambda f, ids: torch.stack([f[:, :, i // f.shape[2], i % f.shape[3]] for i in ids.tolist()], 1),
        )
    ),
    Mistake(
        "It looks as if the patches are detached. Queries must remain part of the graph, or nothing learns; the "
        "loss itself keeps the gradient from the keys.",
        sampling(gather=lambda f, ids: at(f.detach(), ids)),
    ),
    Mistake(
        REPLACED,
        sampling(lambda size, n, generator: torch.randint(size, (n,), generator=generator)),
    ),
    Mistake(
        REPLACED,
        sampling(lambda size, n, generator: torch.randint(size, (min(n, size),), generator=generator)),
    ),
    Mistake(TOO_MANY, sampling(indexed)),
    Mistake(TOO_MANY, sampling(weighed)),
    Mistake(EACH_LAYER, shared(max)),
    Mistake(EACH_LAYER, shared(min)),
    Mistake(
        "It looks as if the last place is never drawn: randperm(m) has the numbers 0 to m − 1 already.",
        sampling(lambda size, n, generator: permuted(size - 1, n, generator)),
    ),
    Mistake(
        "It looks as if always the first n places are taken: the upper rows of every image and nothing else.",
        sampling(lambda size, n, generator: torch.arange(min(n, size))),
    ),
)
