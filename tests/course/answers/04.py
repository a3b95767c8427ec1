import math
import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def patch_nce(q, k, tau=0.07):  # what exercise 04.4 finds in the notebook
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = q @ k.transpose(1, 2) / tau
    target = torch.arange(q.shape[1]).expand(len(q), -1)
    return F.cross_entropy(logits.transpose(1, 2), target, reduction="none")


# %% 04.1 right: cross-entropy of a flat table
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q = F.normalize(q, dim=-1)
    k = F.normalize(k.detach(), dim=-1)
    logits = torch.bmm(q, k.transpose(1, 2)) / tau
    target = torch.arange(S).repeat(B)
    return F.cross_entropy(logits.reshape(B * S, S), target, reduction="none").reshape(B, S)


# %% 04.1 right: einsum and log_softmax, keys under no_grad
def patch_nce(q, k, tau=0.07):
    with torch.no_grad():
        k = k / k.norm(dim=2, keepdim=True)
    q = q / q.norm(dim=2, keepdim=True)
    s = torch.einsum("bqc,bkc->bqk", q, k)
    return -torch.diagonal(F.log_softmax(s / tau, dim=-1), dim1=1, dim2=2)


# %% 04.1 right: a loop over images and places
def patch_nce(q, k, tau=0.07):
    rows = []
    for b in range(q.shape[0]):
        for s in range(q.shape[1]):
            v = q[b, s] / q[b, s].norm()
            others = torch.stack([w.detach() / w.norm().detach() for w in k[b]])
            scores = others @ v / tau
            rows.append(torch.logsumexp(scores, 0) - scores[s])
    return torch.stack(rows).view(q.shape[:2])


# %% 04.1 right: the positive in front, -10 on the diagonal, lengths with 1e-7
def patch_nce(q, k, tau=0.07):
    k = k.detach()
    q = q / (q.pow(2).sum(-1, keepdim=True).sqrt() + 1e-7)
    k = k / (k.pow(2).sum(-1, keepdim=True).sqrt() + 1e-7)
    B, S, _ = q.shape
    positive = (q * k).sum(-1, keepdim=True)
    negative = torch.bmm(q, k.transpose(2, 1))
    negative = negative.masked_fill(torch.eye(S, dtype=torch.bool)[None], -10.0)
    out = torch.cat((positive, negative), dim=2) / tau
    return F.cross_entropy(out.flatten(0, 1), torch.zeros(B * S, dtype=torch.long), reduction="none").view(B, S)


# %% 04.1 right: cosine_similarity, the largest subtracted by hand
def patch_nce(q, k, tau=0.07):
    s = F.cosine_similarity(q[:, :, None], k.detach()[:, None], dim=-1) / tau
    s = s - s.max(dim=-1, keepdim=True).values
    return s.exp().sum(-1).log() - s.diagonal(dim1=-2, dim2=-1)


# %% 04.1 right: keys in the rows, classes in dimension 1
def patch_nce(q, k, tau=0.07):
    table = F.normalize(k.detach(), dim=-1) @ F.normalize(q, dim=-1).mT
    places = torch.arange(q.shape[1])[None].repeat(q.shape[0], 1)
    return F.cross_entropy(table / tau, places, reduction="none")


# %% 04.1 wrong: no temperature
# says: tau is not used
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = q @ k.transpose(1, 2)
    target = torch.arange(q.shape[1]).expand(len(q), -1)
    return F.cross_entropy(logits.transpose(1, 2), target, reduction="none")


# %% 04.1 wrong: times the temperature
# says: multiplied by tau
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    s = torch.einsum("bqc,bkc->bqk", q, k) * tau
    return s.logsumexp(2) - s.diagonal(dim1=1, dim2=2)


# %% 04.1 wrong: 0.07 written into the body
# says: that is only its default
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    s = torch.einsum("bqc,bkc->bqk", q, k) / 0.07
    return s.logsumexp(2) - s.diagonal(dim1=1, dim2=2)


# %% 04.1 wrong: negatives of all images
# says: places of other images of the batch are negatives too
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q = F.normalize(q.reshape(B * S, C), dim=1)
    k = F.normalize(k.detach().reshape(B * S, C), dim=1)
    return F.cross_entropy(q @ k.T / tau, torch.arange(B * S), reduction="none").view(B, S)


# %% 04.1 wrong: negatives of the other images alone
# says: places of other images of the batch are negatives too
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    out = []
    for b in range(len(q)):
        others = torch.cat([k[i] for i in range(len(k)) if i != b]) if len(k) > 1 else k[0, :0]
        positive = (q[b] * k[b]).sum(-1, keepdim=True)
        scores = torch.cat([positive, q[b] @ others.T], 1) / tau
        out.append(-F.log_softmax(scores, 1)[:, 0])
    return torch.stack(out)


# %% 04.1 wrong: not normalised
# says: vectors are compared as they are
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    logits = torch.bmm(q, k.detach().transpose(1, 2)) / tau
    return F.cross_entropy(logits.view(-1, S), torch.arange(S).repeat(B), reduction="none").view(B, S)


# %% 04.1 wrong: only the queries normalised
# says: only one of q and k is normalised
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    logits = torch.bmm(F.normalize(q, dim=2), k.detach().transpose(1, 2)) / tau
    return F.cross_entropy(logits.view(-1, S), torch.arange(S).repeat(B), reduction="none").view(B, S)


# %% 04.1 wrong: F.normalize without a dimension
# says: F.normalize takes dimension 1 if none is named
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q, k = F.normalize(q), F.normalize(k.detach())
    logits = torch.bmm(q, k.transpose(1, 2)) / tau
    return F.cross_entropy(logits.view(-1, S), torch.arange(S).repeat(B), reduction="none").view(B, S)


# %% 04.1 wrong: softmax over the queries
# says: the softmax runs over the queries
# says: expects the classes in dimension 1
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = q @ k.transpose(1, 2) / tau
    target = torch.arange(q.shape[1]).expand(len(q), -1)
    return F.cross_entropy(logits, target, reduction="none")


# %% 04.1 wrong: the exponential overflows
# says: an exponential overflows
# says: are NaN or infinite
def patch_nce(q, k, tau=0.07):
    q = q / q.norm(dim=-1, keepdim=True)
    k = (k / k.norm(dim=-1, keepdim=True)).detach()
    e = torch.exp(q @ k.transpose(1, 2) / tau)
    positive = torch.diagonal(e, dim1=1, dim2=2)
    return -torch.log(positive / e.sum(-1))


# %% 04.1 wrong: the exponential overflows, positive and negatives apart
# says: an exponential overflows
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1).detach()
    S = q.shape[1]
    positive = torch.exp((q * k).sum(-1) / tau)
    e = torch.exp(torch.einsum("bqc,bkc->bqk", q, k) / tau)
    negatives = (e * (1 - torch.eye(S, dtype=e.dtype))).sum(-1)
    return -torch.log(positive / (positive + negatives))


# %% 04.1 wrong: the logarithm of a softmax
# says: the logarithm is taken of a softmax
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1).detach()
    p = torch.softmax(q @ k.mT / tau, dim=-1)
    return -torch.log(p.diagonal(dim1=1, dim2=2))


# %% 04.1 wrong: a small number inside the logarithm
# says: Look for one function that takes softmax and logarithm at once
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1).detach()
    p = torch.softmax(q @ k.mT / tau, dim=-1)
    return -torch.log(p.diagonal(dim1=1, dim2=2) + 1e-12)


# %% 04.1 wrong: the printed equation, gradient into the keys
# says: Your values are right, and they are those of the printed equation
# says: Equation and code differ here
# says: Use k.detach()
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
    s = torch.einsum("bqc,bkc->bqk", q, k) / tau
    return s.logsumexp(2) - s.diagonal(dim1=1, dim2=2)


# %% 04.1 wrong: the queries detached
# says: Only k is to stay where it is
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1).detach(), F.normalize(k, dim=-1)
    s = torch.einsum("bqc,bkc->bqk", q, k) / tau
    return s.logsumexp(2) - s.diagonal(dim1=1, dim2=2)


# %% 04.1 wrong: everything under no_grad
# says: no gradient arrives at q, and none at k
# says: Only k is to stay where it is
@torch.no_grad()
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
    s = torch.einsum("bqc,bkc->bqk", q, k) / tau
    return s.logsumexp(2) - s.diagonal(dim1=1, dim2=2)


# %% 04.1 wrong: averaged
# says: the losses are already averaged or added up
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = torch.bmm(q, k.transpose(1, 2)) / tau
    return F.cross_entropy(logits.view(-1, S), torch.arange(S).repeat(B))


# %% 04.1 wrong: target 0
# says: the right answer is key 0 for every query
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = torch.bmm(q, k.transpose(1, 2)).view(-1, S) / tau
    return F.cross_entropy(logits, torch.zeros(B * S, dtype=torch.long), reduction="none").view(B, S)


# %% 04.1 wrong: the positive twice
# says: the positive counts twice
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = torch.cat([(q * k).sum(-1, keepdim=True), q @ k.mT], 2).view(B * S, S + 1) / tau
    return F.cross_entropy(logits, torch.zeros(B * S, dtype=torch.long), reduction="none").view(B, S)


# %% 04.1 wrong: negatives alone below the fraction bar
# says: has the negatives alone
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    s = q @ k.mT / tau
    negatives = s.masked_fill(torch.eye(q.shape[1], dtype=torch.bool), float("-inf"))
    return torch.logsumexp(negatives, -1) - (q * k).sum(-1) / tau


# %% 04.1 wrong: view in place of transpose
# says: k is reshaped where it should be transposed
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = torch.bmm(q, k.view(B, C, S)) / tau
    return F.cross_entropy(logits.view(-1, S), torch.arange(S).repeat(B), reduction="none").view(B, S)


# %% 04.1 wrong: a softmax before the cross-entropy
# says: a softmax is taken twice
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    p = torch.softmax(torch.bmm(q, k.transpose(1, 2)) / tau, -1)
    return F.cross_entropy(p.view(-1, S), torch.arange(S).repeat(B), reduction="none").view(B, S)


# %% 04.1 wrong: no minus
# says: the minus sign is missing
def patch_nce(q, k, tau=0.07):
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    return torch.log_softmax(q @ k.mT / tau, dim=-1).diagonal(dim1=1, dim2=2)


# %% 04.1 wrong: left flat
# says: got shape
def patch_nce(q, k, tau=0.07):
    B, S, C = q.shape
    q, k = F.normalize(q, dim=-1), F.normalize(k.detach(), dim=-1)
    logits = torch.bmm(q, k.transpose(1, 2)) / tau
    return F.cross_entropy(logits.view(-1, S), torch.arange(S).repeat(B), reduction="none")


# %% 04.1 wrong: normalised in place
# says: changes its input q in place
def patch_nce(q, k, tau=0.07):
    with torch.no_grad():
        q /= q.norm(dim=-1, keepdim=True)
        k /= k.norm(dim=-1, keepdim=True)
    s = q @ k.detach().mT / tau
    return s.logsumexp(2) - s.diagonal(dim1=1, dim2=2)


# %% 04.2 right: flatten, transpose, permutation
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 right: permute, rows and columns, ids as they come from a sort of random numbers
def sample_patches(feats, n, ids=None, generator=None):
    patches, taken = [], []
    for layer, f in enumerate(feats):
        B, C, H, W = f.shape
        if ids is not None:
            i = ids[layer]
        else:
            i = torch.rand(H * W, generator=generator).argsort()[: min(n, H * W)]
        patches.append(f.permute(0, 2, 3, 1)[:, i // W, i % W])
        taken.append(i)
    return patches, taken


# %% 04.2 right: multinomial, gather, the ids sorted
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        sizes = [f.shape[-2] * f.shape[-1] for f in feats]
        ids = [torch.multinomial(torch.ones(m), min(n, m), generator=generator).sort().values for m in sizes]
    rows = [f.flatten(2).mT for f in feats]
    return [r.gather(1, i[None, :, None].expand(len(r), -1, r.shape[2])) for r, i in zip(rows, ids)], ids


# %% 04.2 right: Fisher and Yates by hand, tuples
def sample_patches(feats, n, ids=None, generator=None):
    def draw(m):
        numbers = list(range(m))
        for j in range(min(n, m)):
            other = j + int(torch.randint(m - j, (), generator=generator))
            numbers[j], numbers[other] = numbers[other], numbers[j]
        return torch.tensor(numbers[: min(n, m)])

    ids = tuple(draw(f[0, 0].numel()) for f in feats) if ids is None else ids
    return tuple(
        torch.stack([f[:, :, j // f.shape[3], j % f.shape[3]] for j in i.tolist()], 1) for f, i in zip(feats, ids)
    ), ids


# %% 04.2 wrong: view in place of flatten and transpose
# says: a map is reshaped
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.view(f.shape[0], -1, f.shape[1])[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: no transpose
# says: the channels still stand before the places
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.flatten(2)[..., i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: column by column
# says: places are counted down the columns
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.permute(0, 3, 2, 1).flatten(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: new places for the keys
# says: the ids given are not those that come back
# says: ids that are given are not used
def sample_patches(feats, n, ids=None, generator=None):
    ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: with replacement
# says: draw without replacement
# says: torch.randint may give a number twice
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randint(0, f.shape[2] * f.shape[3], (n,), generator=generator) for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: repeats, by rows and columns
# says: A place that is taken twice is its own negative
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = []
        for f in feats:
            y = torch.randint(f.shape[2], (n,), generator=generator)
            x = torch.randint(f.shape[3], (n,), generator=generator)
            ids.append((y * f.shape[3] + x)[: f.shape[2] * f.shape[3]])
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: more places than there are
# says: a deep layer has fewer places than n
# says: your code raised RuntimeError
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.multinomial(torch.ones(f.shape[2] * f.shape[3]), n, generator=generator) for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: as many from every layer as from the smallest
# says: ids, wanted
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        n = min([n] + [f.shape[2] * f.shape[3] for f in feats])
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: one draw for all layers
# says: one draw serves all layers
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(feats[0].shape[2] * feats[0].shape[3], generator=generator)[:n]] * len(feats)
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: other places for each image
# says: the same places serve all images of the batch
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.rand(len(f), f.shape[2] * f.shape[3], generator=generator).argsort(1)[:, :n] for f in feats]
    rows = [f.flatten(2).transpose(1, 2) for f in feats]
    if ids[0].ndim == 1:
        return [r[:, i] for r, i in zip(rows, ids)], ids
    return [r.gather(1, i[..., None].expand(-1, -1, r.shape[2])) for r, i in zip(rows, ids)], ids


# %% 04.2 wrong: the global generator
# says: draws from the global random state
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        torch.manual_seed(0)
        ids = [torch.randperm(f.shape[2] * f.shape[3])[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: Python's random numbers
# says: draws from the global random state
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        random.seed(0)
        sizes = [f.shape[2] * f.shape[3] for f in feats]
        ids = [torch.tensor(random.sample(range(m), min(n, m))) for m in sizes]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: the first n places
# says: always the first n places are taken
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.arange(f.shape[2] * f.shape[3])[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: the last place never
# says: the last place is never drawn
# says: where about
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3] - 1, generator=generator)[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: never at the border
# says: was drawn 0 times
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = []
        for f in feats:
            inside = torch.arange(f.shape[2] * f.shape[3]).view(f.shape[2:])[1:-1, 1:-1].flatten()
            ids.append(inside[torch.randperm(len(inside), generator=generator)][:n])
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: a generator of its own
# says: times, where about
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        g = torch.Generator().manual_seed(0)
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=g)[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: the first n of the ids given
# says: only the first n of the ids that are given are used
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator) for f in feats]
    ids = [i[:n] for i in ids]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: a window of neighbours
# says: every choice of n places is as likely as any other
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = []
        for f in feats:
            m = f.shape[2] * f.shape[3]
            start = int(torch.randint(m, (), generator=generator))
            ids.append((start + torch.arange(min(n, m))) % m)
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: one seed a call
# says: draw for each layer anew
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        seed, ids = int(torch.randint(2**31, (), generator=generator)), []
        for f in feats:
            again = torch.Generator().manual_seed(seed)
            ids.append(torch.randperm(f.shape[2] * f.shape[3], generator=again)[:n])
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: rows by the height
# says: divided by the height
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    patches = []
    for f, i in zip(feats, ids):
        patches.append(f[:, :, i // f.shape[2], i % f.shape[2]].transpose(1, 2))
    return patches, ids


# %% 04.2 wrong: detached
# says: the patches are detached
@torch.no_grad()
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.2 wrong: ids not returned
# says: wanted a pair: the list of patches and the list of ids
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n] for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)]


# %% 04.2 wrong: ids as Python lists
# says: wanted a tensor of int64
def sample_patches(feats, n, ids=None, generator=None):
    if ids is None:
        ids = [torch.randperm(f.shape[2] * f.shape[3], generator=generator)[:n].tolist() for f in feats]
    return [f.flatten(2).transpose(1, 2)[:, i] for f, i in zip(feats, ids)], ids


# %% 04.3 right: a walk with side and step
def encoder_fields(layers, antialias):
    side, step = 1, 1
    fields = {"rgb": side}
    side += 6
    for name in ("down1", "down2"):
        side += 2 * step
        fields[name] = side
        if antialias:
            side += 2 * step
        step *= 2
    for i in range(1, 10):
        side += 4 * step
        fields[f"res{i}"] = side
    return [fields[name] for name in layers]


# %% 04.3 right: kernels and strides of each layer, from its end back
def encoder_fields(layers, antialias):
    half = [(3, 1), (3, 2)] if antialias else [(3, 2)]

    def before(name):
        if name == "rgb":
            return []
        if name == "down1":
            return [(7, 1), half[0]]
        if name == "down2":
            return [(7, 1), *half, half[0]]
        return [(7, 1), *half, *half] + [(3, 1)] * (2 * int(name[3:]))

    fields = []
    for name in layers:
        field = 1
        for kernel, stride in reversed(before(name)):
            field = (field - 1) * stride + kernel
        fields.append(field)
    return fields


# %% 04.3 right: the numbers of the paper, and 16 more for each block
def encoder_fields(layers, antialias):
    start = {"rgb": 1, "down1": 9, "down2": 15 if antialias else 13}
    zero = 19 if antialias else 13
    return [start[name] if name in start else zero + 16 * int(name.removeprefix("res")) for name in layers]


# %% 04.3 wrong: the blur forgotten
# says: the blur is left out
# says: the gradient of one value spans
def encoder_fields(layers, antialias):
    r, jump, fields = 7, 1, {"rgb": 1}
    for name in ["down1", "down2"]:
        r += 2 * jump
        fields[name] = r
        jump *= 2
    for i in range(9):
        r += 4 * jump
        fields[f"res{i + 1}"] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: one convolution a block
# says: a residual block has one convolution
def encoder_fields(layers, antialias):
    r, jump, fields = 7, 1, {"rgb": 1}
    for name in ["down1", "down2"]:
        r += 2 * jump
        fields[name] = r
        r += 2 * jump if antialias else 0
        jump *= 2
    for i in range(9):
        r += 2 * jump
        fields[f"res{i + 1}"] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: the blur after the halving
# says: its own three taps are neighbours on the map before it
def encoder_fields(layers, antialias):
    r, jump, fields = 7, 1, {"rgb": 1}
    for name in ["down1", "down2"]:
        r += 2 * jump
        fields[name] = r
        jump *= 2
        r += 2 * jump if antialias else 0
    for i in range(9):
        r += 4 * jump
        fields[f"res{i + 1}"] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: the layer behind its blur
# says: taken behind their blur
def encoder_fields(layers, antialias):
    r, jump, fields = 7, 1, {"rgb": 1}
    for name in ["down1", "down2"]:
        r += 2 * jump
        r += 2 * jump if antialias else 0
        fields[name] = r
        jump *= 2
    for i in range(9):
        r += 4 * jump
        fields[f"res{i + 1}"] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: convolution and blur of stride 2
# says: convolution and blur both halve
def encoder_fields(layers, antialias):
    stack = {"rgb": []}
    down = [(7, 1), (3, 2)]
    stack["down1"] = down
    down = down + ([(3, 2)] if antialias else []) + [(3, 2)]
    stack["down2"] = down
    down = down + ([(3, 2)] if antialias else [])
    for i in range(1, 10):
        down = down + [(3, 1), (3, 1)]
        stack[f"res{i}"] = down
    fields = []
    for name in layers:
        r, jump = 1, 1
        for k, s in stack[name]:
            r, jump = r + (k - 1) * jump, jump * s
        fields.append(r)
    return fields


# %% 04.3 wrong: the 7x7 forgotten
# says: the 7×7 convolution at the entrance is left out
def encoder_fields(layers, antialias):
    r, jump, fields = 1, 1, {"rgb": 1}
    for name in ["down1", "down2"]:
        r += 2 * jump
        fields[name] = r
        r += 2 * jump if antialias else 0
        jump *= 2
    for i in range(9):
        r += 4 * jump
        fields[f"res{i + 1}"] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: the 7x7 adds 7
# says: its first pixel was already counted
def encoder_fields(layers, antialias):
    r, jump, fields = 8, 1, {"rgb": 1}
    for name in ["down1", "down2"]:
        r += 2 * jump
        fields[name] = r
        r += 2 * jump if antialias else 0
        jump *= 2
    for i in range(9):
        r += 4 * jump
        fields[f"res{i + 1}"] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: rgb behind the 7x7
# says: rgb is what the 7×7 convolution makes of the image
def encoder_fields(layers, antialias):
    r, jump, fields = 7, 1, {"rgb": 7}
    for name in ["down1", "down2"]:
        r += 2 * jump
        fields[name] = r
        r += 2 * jump if antialias else 0
        jump *= 2
    for i in range(9):
        r += 4 * jump
        fields[f"res{i + 1}"] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: strides without effect
# says: strides have no effect
def encoder_fields(layers, antialias):
    order = ["rgb", "down1", "down2"] + [f"res{i}" for i in range(1, 10)]
    grows = [0, 8, 4 if antialias else 2] + [6 if antialias else 4] + [4] * 8
    fields, r = {}, 1
    for name, more in zip(order, grows):
        r += more
        fields[name] = r
    return [fields[name] for name in layers]


# %% 04.3 wrong: blocks counted from 0
# says: the blocks are counted from 0
def encoder_fields(layers, antialias):
    start = {"rgb": 1, "down1": 9, "down2": 15 if antialias else 13}
    zero = 19 if antialias else 13
    return [start[name] if name in start else zero + 16 * (int(name[3:]) - 1) for name in layers]


# %% 04.3 wrong: in the encoder's order
# says: the answer has the order of the encoder
def encoder_fields(layers, antialias):
    start = {"rgb": 1, "down1": 9, "down2": 15 if antialias else 13}
    zero = 19 if antialias else 13
    for i in range(1, 10):
        start[f"res{i}"] = zero + 16 * i
    return [field for name, field in start.items() if name in layers]


# %% 04.3 wrong: antialias the other way round
# says: antialias is read the other way round
def encoder_fields(layers, antialias):
    start = {"rgb": 1, "down1": 9, "down2": 13 if antialias else 15}
    zero = 13 if antialias else 19
    return [start[name] if name in start else zero + 16 * int(name[3:]) for name in layers]


# %% 04.3 wrong: the paper's list by heart
# says: wanted a list of 5 numbers
# says: the gradient of one value spans
def encoder_fields(layers, antialias):
    known = [1, 9, 15, 35, 99] if antialias else {"rgb": 1, "down1": 9, "down2": 13, "res1": 29, "res5": 93}
    return known


# %% 04.4 right: one function for both terms
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        queries = [out[name].flip(-1) if flip else out[name] for name in cfg.layers]
        k, places = heads([keys[name].detach() for name in cfg.layers], cfg.patches)
        q, _ = heads(queries, cfg.patches, places)
        return torch.stack([patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)]).mean()

    if cfg.flip:
        fake = G(torch.flip(x, dims=[3]))
        with torch.no_grad():
            keys = G.encode(x, cfg.layers)
    else:
        fake, keys = G(x, taps=cfg.layers)
    nce_x = cfg.nce_weight * nce(fake, keys, cfg.flip)
    nce_y = 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_y = 0.5 * cfg.identity_weight * nce(same, keys, False)
        nce_x = 0.5 * nce_x
    return {"gan": F.mse_loss(D(fake), torch.ones_like(D(fake))), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 right: x and y in one batch
def cut_losses(G, D, heads, x, y, cfg):
    n, identity = len(x), cfg.identity_weight > 0
    source = torch.flip(x, [-1]) if cfg.flip else x
    both = torch.cat([source, y]) if identity else source
    images, feats = G(both, taps=cfg.layers)
    if cfg.flip:
        feats = G.encode(x, cfg.layers)
    out = G.encode(images, cfg.layers)
    keys, places = heads([feats[name] for name in cfg.layers], cfg.patches)
    queries, _ = heads([out[name].flip(-1) if cfg.flip else out[name] for name in cfg.layers], cfg.patches, places)
    per_image = torch.stack([patch_nce(q, k, cfg.tau).mean(1) for q, k in zip(queries, keys)]).mean(0)
    nce_x = cfg.nce_weight * per_image[:n].mean()
    nce_y = cfg.identity_weight * per_image[n:].mean() if identity else 0 * nce_x.detach()
    share = 0.5 if identity else 1.0
    return {"gan": (D(images[:n]) - 1).pow(2).mean(), "nce_x": share * nce_x, "nce_y": share * nce_y}


# %% 04.4 right: queries first, the contrast written out, columns picked backwards
def cut_losses(G, D, heads, x, y, cfg):
    def back(f):
        return f[..., torch.arange(f.shape[-1] - 1, -1, -1)]

    def contrast(image, keys, mirror):
        out = G.encode(image, cfg.layers)
        out = [back(out[name]) if mirror else out[name] for name in cfg.layers]
        q, places = heads(out, cfg.patches)
        with torch.no_grad():
            k, _ = heads([keys[name] for name in cfg.layers], cfg.patches, places)
        total = 0
        for a, b in zip(q, k):
            s = torch.einsum("bsc,btc->bst", a, b) / cfg.tau
            total = total + (torch.logsumexp(s, 2) - s.diagonal(dim1=1, dim2=2)).mean() / len(q)
        return total

    fake, keys = G(back(x) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        with torch.no_grad():
            keys = G.encode(x, cfg.layers)
    losses = {"gan": ((1 - D(fake)) ** 2).mean()}
    losses["nce_x"] = cfg.nce_weight * contrast(fake, keys, cfg.flip)
    losses["nce_y"] = torch.zeros(())
    if cfg.identity_weight:
        same, keys = G(y, taps=cfg.layers)
        losses["nce_y"] = cfg.identity_weight * contrast(same, keys, False) / 2
        losses["nce_x"] = losses["nce_x"] / 2
    return losses


# %% 04.4 right: the output encoded by the whole generator
def cut_losses(G, D, heads, x, y, cfg):
    flip = (lambda t: t.flip(-1)) if cfg.flip else (lambda t: t)
    lambdas = [cfg.nce_weight] + ([cfg.identity_weight] if cfg.identity_weight else [])
    terms, fakes = [], []
    for weight, image in zip(lambdas, (x, y)):
        fake, feats = G(flip(image), taps=cfg.layers)
        feats = G.encode(image, cfg.layers) if cfg.flip else feats
        _, out = G(fake, taps=cfg.layers)
        k, places = heads([feats[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([flip(out[name]) for name in cfg.layers], len(places[0]), places)
        losses = [patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)]
        terms.append(weight * sum(losses) / len(losses) / len(lambdas))
        fakes.append(fake)
    return {"gan": (D(fakes[0]) - 1).square().mean(), "nce_x": terms[0], "nce_y": terms[1] if terms[1:] else 0}


# %% 04.4 wrong: the flip not undone
# says: the flip is not undone
# says: with the flip: nce_x
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: keys of the mirror image, nothing undone
# says: the flip is ordinary augmentation
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: keys of the mirror image, queries mirrored back
# says: left is compared with right
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: upside down
# says: the flip turns images upside down
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([torch.flip(out[name], [2]) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(torch.flip(x, [2]) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the image mirrored back, not its features
# says: the output is mirrored back before it is encoded
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake.flip(-1) if cfg.flip else fake, keys), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the output mirrored back at once, for D too
# says: the output is mirrored back before it is encoded
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    if cfg.flip:
        fake = G(x.flip(-1)).flip(-1)
        keys = G.encode(x, cfg.layers)
    else:
        fake, keys = G(x, taps=cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: a coin in place of cfg.flip
# says: cfg.flip already decides for this step
def cut_losses(G, D, heads, x, y, cfg):
    torch.manual_seed(0)
    flip = cfg.flip and torch.rand(()) < 0.5

    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if flip else x, taps=cfg.layers)
    if flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the identity term with x
# says: the identity term is made with x
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        _, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(fake, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: CycleGAN's identity loss
# says: that is CycleGAN's identity loss
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * F.l1_loss(G(y), y) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the identity term in FastCUT too
# says: FastCUT has λ_Y = 0
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x = cfg.nce_weight * nce(fake, keys, cfg.flip) / 2
    same, keys = G(y, taps=cfg.layers)
    nce_y = cfg.nce_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the identity term computed and then multiplied by 0
# says: although cfg.identity_weight is 0
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x = cfg.nce_weight * nce(fake, keys, cfg.flip)
    same, keys = G(y, taps=cfg.layers)
    nce_y = cfg.identity_weight * nce(same, keys, False)
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x / 2, "nce_y": nce_y / 2}


# %% 04.4 wrong: no half
# says: the two terms are not halved
# says: The printed equation has no ½
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_y = cfg.identity_weight * nce(same, keys, False)
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: one λ for both terms
# says: nce_y has λ_X for its weight
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return cfg.nce_weight * sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: keys encoded again, with a graph
# says: x is encoded a second time for the keys
# says: times the batch
def cut_losses(G, D, heads, x, y, cfg):
    def nce(source, image, flip):
        out = G.encode(image, cfg.layers)
        keys = G.encode(source, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake = G(x.flip(-1) if cfg.flip else x)
    nce_x, nce_y = cfg.nce_weight * nce(x, fake, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(y, G(y), False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: other places for the keys
# says: queries and keys are taken at different places
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, _ = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the output never encoded
# says: each patch is compared with itself
def cut_losses(G, D, heads, x, y, cfg):
    def nce(keys):
        listed = [keys[name] for name in cfg.layers]
        k, places = heads(listed, cfg.patches)
        q, _ = heads(listed, cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x, taps=cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(keys), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(keys) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: query and key exchanged
# says: query and key are exchanged
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(k, q)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the output detached before it is encoded
# says: paints the image, never hears of it
# says: no gradient of nce_x, G's second half
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image.detach(), cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the contrast by hand, with a gradient into the keys
# says: a gradient flows into the keys
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        scores = [a @ b.transpose(1, 2) / cfg.tau for a, b in zip(q, k)]
        return sum(-F.log_softmax(s, 2).diagonal(dim1=1, dim2=2).mean() for s in scores) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: a sum over layers
# says: losses are added up
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k))

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: features in the order of the dict
# says: taken in the order in which the dict holds them
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads(list(keys.values()), cfg.patches)
        q, _ = heads([f.flip(-1) if flip else f for f in out.values()], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: the two weights exchanged
# says: λ_X and λ_Y are exchanged
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.identity_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.nce_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: tau and patches left at their defaults
# says: cfg.tau is not used
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: 0 for gan's aim, detached
# says: no flip, no identity: gan: got
def cut_losses(G, D, heads, x, y, cfg):
    def nce(image, keys, flip):
        out = G.encode(image, cfg.layers)
        k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
        q, _ = heads([out[name].flip(-1) if flip else out[name] for name in cfg.layers], cfg.patches, places)
        return sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)

    fake, keys = G(x.flip(-1) if cfg.flip else x, taps=cfg.layers)
    if cfg.flip:
        keys = G.encode(x, cfg.layers)
    nce_x, nce_y = cfg.nce_weight * nce(fake, keys, cfg.flip), 0.0
    if cfg.identity_weight > 0:
        same, keys = G(y, taps=cfg.layers)
        nce_x, nce_y = nce_x / 2, cfg.identity_weight * nce(same, keys, False) / 2
    return {"gan": D(fake.detach()).square().mean(), "nce_x": nce_x, "nce_y": nce_y}


# %% 04.4 wrong: 0 for gan's aim
# says: gan has 0 for its aim
def cut_losses(G, D, heads, x, y, cfg):
    fake, keys = G(x, taps=cfg.layers)
    out = G.encode(fake, cfg.layers)
    k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
    q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
    nce_x = cfg.nce_weight * sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)
    return {"gan": (D(fake) ** 2).mean(), "nce_x": nce_x, "nce_y": 0.0}


# %% 04.4 wrong: the output detached for D
# says: the output is detached before D judges it
# says: no gradient of gan
def cut_losses(G, D, heads, x, y, cfg):
    fake, keys = G(x, taps=cfg.layers)
    out = G.encode(fake, cfg.layers)
    k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
    q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
    nce_x = cfg.nce_weight * sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)
    return {"gan": (D(fake.detach()) - 1).square().mean(), "nce_x": nce_x, "nce_y": 0.0}


# %% 04.4 wrong: neither flip nor identity
# says: cfg.flip is not used
# says: there is no identity term
def cut_losses(G, D, heads, x, y, cfg):
    fake, keys = G(x, taps=cfg.layers)
    out = G.encode(fake, cfg.layers)
    k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
    q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
    nce_x = cfg.nce_weight * sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": torch.zeros(())}


# %% 04.4 wrong: the dict handed to heads
# says: hand it the dict
def cut_losses(G, D, heads, x, y, cfg):
    fake, keys = G(x, taps=cfg.layers)
    k, places = heads(keys, cfg.patches)
    q, _ = heads(G.encode(fake, cfg.layers), cfg.patches, places)
    nce_x = cfg.nce_weight * sum(patch_nce(a, b, cfg.tau).mean() for a, b in zip(q, k)) / len(q)
    return {"gan": (D(fake) - 1).square().mean(), "nce_x": nce_x, "nce_y": 0.0}


# %% 04.4 wrong: image and features not taken apart
# says: With taps, G returns two things
def cut_losses(G, D, heads, x, y, cfg):
    fake = G(x, taps=cfg.layers)
    gan = (D(fake) - 1).square().mean()
    return {"gan": gan, "nce_x": gan, "nce_y": gan}


# %% 04.4 wrong: taps forgotten
# says: Without taps, G returns the image alone
def cut_losses(G, D, heads, x, y, cfg):
    fake, keys = G(x)
    gan = (D(fake) - 1).square().mean()
    return {"gan": gan, "nce_x": gan, "nce_y": gan}


# %% 04.4 wrong: the sum alone
# says: wanted a dict of three losses: gan, nce_x, nce_y
def cut_losses(G, D, heads, x, y, cfg):
    fake, keys = G(x, taps=cfg.layers)
    return (D(fake) - 1).square().mean()


# %% 04.4 wrong: plain numbers
# says: it must stay a tensor that gradients can flow through
def cut_losses(G, D, heads, x, y, cfg):
    fake, keys = G(x, taps=cfg.layers)
    out = G.encode(fake, cfg.layers)
    k, places = heads([keys[name] for name in cfg.layers], cfg.patches)
    q, _ = heads([out[name] for name in cfg.layers], cfg.patches, places)
    nce_x = cfg.nce_weight * sum(patch_nce(a, b, cfg.tau).mean().item() for a, b in zip(q, k)) / len(q)
    return {"gan": (D(fake) - 1).square().mean().item(), "nce_x": nce_x, "nce_y": 0.0}


# %% 04.5 right: einsum
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    y, x = yx[0] * h // image_size[0], yx[1] * w // image_size[1]
    v = F.normalize(fq, dim=0)[:, y, x]
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 right: cosine_similarity
def similarity_map(fq, fk, yx, image_size):
    _, h, w = fk.shape
    rows, columns = image_size[0] // h, image_size[1] // w
    return F.cosine_similarity(fq[:, yx[0] // rows, yx[1] // columns, None, None], fk, dim=0)


# %% 04.5 right: a loop, lengths with 1e-7
def similarity_map(fq, fk, yx, image_size):
    h, w = fq.shape[1:]
    v = fq[:, int(yx[0] / image_size[0] * h), int(yx[1] / image_size[1] * w)]
    out = torch.empty(h, w, dtype=fk.dtype)
    for i in range(h):
        for j in range(w):
            out[i, j] = (v * fk[:, i, j]).sum() / (v.norm() * fk[:, i, j].norm() + 1e-7)
    return out


# %% 04.5 right: flat, the middle of the pixel
def similarity_map(fq, fk, yx, image_size):
    (_, h, w), (H, W) = fq.shape, image_size
    place = math.floor((yx[0] + 0.5) * h / H) * w + math.floor((yx[1] + 0.5) * w / W)
    q, k = fq.flatten(1), fk.flatten(1)
    q, k = q / q.norm(dim=0), k / k.norm(dim=0)
    return (q[:, place] @ k).reshape(h, w)


# %% 04.5 wrong: one factor for both axes
# says: one factor serves both axes
def similarity_map(fq, fk, yx, image_size):
    _, h, w = fk.shape
    cell = image_size[0] // h
    return F.cosine_similarity(fq[:, yx[0] // cell, yx[1] // cell, None, None], fk, dim=0)


# %% 04.5 wrong: one factor for both axes, the columns'
# says: one factor serves both axes
def similarity_map(fq, fk, yx, image_size):
    _, h, w = fk.shape
    cell = image_size[1] // w
    return F.cosine_similarity(fq[:, yx[0] // cell, yx[1] // cell, None, None], fk, dim=0)


# %% 04.5 wrong: y and x exchanged
# says: y and x are exchanged
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    x, y = yx
    v = F.normalize(fq, dim=0)[:, y * h // image_size[0], x * w // image_size[1]]
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 wrong: width before height
# says: height and width are exchanged
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    W, H = image_size
    v = F.normalize(fq, dim=0)[:, yx[0] * h // H, yx[1] * w // W]
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 wrong: not normalised
# says: vectors are compared as they are
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = fq[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    return (v[:, None, None] * fk).sum(0)


# %% 04.5 wrong: the query normalised alone
# says: vectors are compared as they are
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = fq[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    return ((v / v.norm())[:, None, None] * fk).sum(0)


# %% 04.5 wrong: the pixel taken for the cell
# says: the pixel is used as the cell
def similarity_map(fq, fk, yx, image_size):
    v = F.normalize(fq, dim=0)[:, yx[0], yx[1]]
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 wrong: the pixel cut off at the last cell
# says: Row y of H image rows lies in row
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fq, dim=0)[:, min(yx[0], h - 1), min(yx[1], w - 1)]
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 wrong: rounded
# says: the cell is rounded to the nearest
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fq, dim=0)[:, round(yx[0] * h / image_size[0]), round(yx[1] * w / image_size[1])]
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 wrong: rounded, cut off at the last cell
# says: the cell is rounded to the nearest, not rounded down
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    y, x = (min(round(p * n / side), n - 1) for p, n, side in zip(yx, (h, w), image_size))
    return torch.einsum("c,chw->hw", F.normalize(fq, dim=0)[:, y, x], F.normalize(fk, dim=0))


# %% 04.5 wrong: from corner to corner
# says: A cell is an area of pixels, not a point
def similarity_map(fq, fk, yx, image_size):
    (_, h, w), (H, W) = fq.shape, image_size
    v = F.normalize(fq, dim=0)[:, round(yx[0] * (h - 1) / (H - 1)), round(yx[1] * (w - 1) / (W - 1))]
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 wrong: softmax over channels
# says: a softmax over the channels takes the place of the length
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = torch.softmax(fq, 0)[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    return torch.einsum("c,chw->hw", v, torch.softmax(fk, 0))


# %% 04.5 wrong: F.normalize without a dimension
# says: F.normalize takes dimension 1 if none is named
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fq)[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    return torch.einsum("c,chw->hw", v, F.normalize(fk))


# %% 04.5 wrong: softmax over the map
# says: a softmax is taken over the map
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fq, dim=0)[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    s = torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))
    return torch.softmax(s.flatten(), 0).view(h, w)


# %% 04.5 wrong: the exponential already
# says: the map is exp(s / τ) already
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fq, dim=0)[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    return torch.exp(torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0)) / 0.07)


# %% 04.5 wrong: query from the input
# says: query and key are exchanged
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fk, dim=0)[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    return torch.einsum("c,chw->hw", v, F.normalize(fq, dim=0))


# %% 04.5 wrong: flat
# says: the map is flat
# says: your function returned tensor
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    place = (yx[0] * h // image_size[0]) * w + yx[1] * w // image_size[1]
    q, k = F.normalize(fq.flatten(1), dim=0), F.normalize(fk.flatten(1), dim=0)
    return q[:, place] @ k


# %% 04.5 wrong: distances
# says: these are distances
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fq, dim=0)[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    return 1 - torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


# %% 04.5 wrong: return forgotten
# says: your function returned None
def similarity_map(fq, fk, yx, image_size):
    C, h, w = fq.shape
    v = F.normalize(fq, dim=0)[:, yx[0] * h // image_size[0], yx[1] * w // image_size[1]]
    fk = torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))
