import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F


# %% 03.1 right: line by line, the translated images made once
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y = G(x)
    fake_x = F(y)
    gan_g = ((Dy(fake_y) - 1) ** 2).mean()
    gan_f = ((Dx(fake_x) - 1) ** 2).mean()
    cyc_x = lam * torch.abs(F(fake_y) - x).mean()
    cyc_y = lam * torch.abs(G(fake_x) - y).mean()
    id_x = lam * lam_id * torch.abs(F(x) - x).mean()
    id_y = lam * lam_id * torch.abs(G(y) - y).mean()
    return {"gan_g": gan_g, "gan_f": gan_f, "cyc_x": cyc_x, "cyc_y": cyc_y, "id_x": id_x, "id_y": id_y}


# %% 03.1 right: every translation made anew, functions of torch.nn.functional
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    func, d_y, d_x = torch.nn.functional, Dy(G(x)), Dx(F(y))
    return dict(
        gan_g=func.mse_loss(d_y, torch.ones_like(d_y)),
        gan_f=func.mse_loss(d_x, torch.ones_like(d_x)),
        cyc_x=func.l1_loss(F(G(x)), x) * lam,
        cyc_y=func.l1_loss(G(F(y)), y) * lam,
        id_x=func.l1_loss(F(x), x) * lam_id * lam,
        id_y=func.l1_loss(G(y), y) * lam_id * lam,
    )


# %% 03.1 right: two calls of each generator, the batches joined
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    n = len(x)
    fake_y, same_y = G(torch.cat([x, y])).split([n, len(y)])
    fake_x, same_x = F(torch.cat([y, x])).split([len(y), n])
    back_x, back_y = F(fake_y), G(fake_x)

    def l1(a, b):
        return torch.sum((a - b).abs()) / a.numel()

    return {
        "id_y": lam * lam_id * l1(same_y, y),
        "id_x": lam * lam_id * l1(same_x, x),
        "cyc_y": lam * l1(back_y, y),
        "cyc_x": lam * l1(back_x, x),
        "gan_f": (1 - Dx(fake_x)).pow(2).mean(),
        "gan_g": (1 - Dy(fake_y)).pow(2).mean(),
    }


# %% 03.1 right: discriminators frozen and set free again, terms in a loop, no identity terms where they weigh nothing
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    for D in (Dx, Dy):
        D.requires_grad_(False)
    terms = {}
    for gan, own, there, back, D, image in (("gan_g", "x", G, F, Dy, x), ("gan_f", "y", F, G, Dx, y)):
        fake = there(image)
        terms[gan] = torch.mean((D(fake) - 1.0) ** 2)
        terms["cyc_" + own] = lam * (image - back(fake)).abs().mean()
        terms["id_" + own] = lam * lam_id * (back(image) - image).abs().mean() if lam_id else torch.tensor(0.0)
    for D in (Dx, Dy):
        D.requires_grad_(True)
    return terms


# %% 03.1 right: means of each image first, then of the batch; a plain 0 where lam_id is 0
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    def far(a, b):
        return torch.stack([torch.linalg.vector_norm(p - q, 1) / p.numel() for p, q in zip(a, b)]).mean()

    fake_y, fake_x = G(x), F(y)
    out = {"gan_g": Dy(fake_y).sub(1).square().flatten(1).mean(1).mean(), "cyc_x": lam * far(F(fake_y), x)}
    out |= {"gan_f": Dx(fake_x).sub(1).square().flatten(1).mean(1).mean(), "cyc_y": lam * far(G(fake_x), y)}
    weight = lam * lam_id
    out["id_x"], out["id_y"] = (weight * far(F(x), x), weight * far(G(y), y)) if weight else (0, 0)
    return out


# %% 03.1 wrong: no identity terms at lam_id = 0
# says: id_x is missing in the dict
# says: No points depend on this, but the lesson needs it
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    terms = {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
    }
    if lam_id:
        terms["id_x"] = lam * lam_id * (F(x) - x).abs().mean()
        terms["id_y"] = lam * lam_id * (G(y) - y).abs().mean()
    return terms


# %% 03.1 wrong: cyc_x twice
# says: the other side's round trip
# says: one of the two written twice
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    cyc_x = lam * (F(fake_y) - x).abs().mean()
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": cyc_x,
        "cyc_y": lam * (F(fake_y) - x).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: F(G(y)) for the second cycle
# says: walked the wrong way round
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (F(G(y)) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: Dx judges G(x), Dy judges F(y)
# says: the wrong discriminator judges
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dx(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dy(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: identity asks G to leave x alone
# says: an image of the side that it translates *from*
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (fake_y - x).abs().mean(),
        "id_y": lam * lam_id * (fake_x - y).abs().mean(),
    }


# %% 03.1 wrong: identity asks G to leave x alone, under G's name
# says: an image of the side that it translates *from*
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_y": lam * lam_id * (fake_y - x).abs().mean(),
        "id_x": lam * lam_id * (fake_x - y).abs().mean(),
    }


# %% 03.1 wrong: lam_id without lam
# says: multiplied by lam_id alone
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam_id * (F(x) - x).abs().mean(),
        "id_y": lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: lam without lam_id, cycles without lam
# says: multiplied by lam alone
# says: lam is missing in the cycle terms
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": (F(fake_y) - x).abs().mean(),
        "cyc_y": (G(fake_x) - y).abs().mean(),
        "id_x": lam * (F(x) - x).abs().mean(),
        "id_y": lam * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: no weights at all
# says: lam is missing in the cycle terms
# says: the identity terms have no weight
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": (F(fake_y) - x).abs().mean(),
        "cyc_y": (G(fake_x) - y).abs().mean(),
        "id_x": (F(x) - x).abs().mean(),
        "id_y": (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: the authors' 0.5 as a number
# says: stands there as a number
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id=0.5):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * 0.5 * (F(x) - x).abs().mean(),
        "id_y": lam * 0.5 * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: target 0
# says: the target is 0, the discriminator's own
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": (Dy(fake_y) ** 2).mean(),
        "gan_f": (Dx(fake_x) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: cross-entropy
# says: CycleGAN's is a least squares loss
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    bce = nn.BCEWithLogitsLoss()
    fake_y, fake_x = G(x), F(y)
    d_y, d_x = Dy(fake_y), Dx(fake_x)
    return {
        "gan_g": bce(d_y, torch.ones_like(d_y)),
        "gan_f": bce(d_x, torch.ones_like(d_x)),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: halved like D's
# says: the adversarial term is halved
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": 0.5 * ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": 0.5 * ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: the image detached before its discriminator
# says: the value of gan_g is right, but it leaves no gradient in G
# says: no error shows it
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y.detach()) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x.detach()) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: the way back alone learns
# says: the value of cyc_x is right, but it leaves no gradient in G
# says: detached before it goes back
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y.detach()) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x.detach()) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: discriminators frozen and left so
# says: Dx, Dy stay frozen
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    Dx.requires_grad_(False)
    Dy.requires_grad_(False)
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: backward inside
# says: backward is called inside your function
# says: backward is the training loop's work
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    losses = {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }
    sum(losses.values()).backward()
    return losses


# %% 03.1 wrong: compared with the other side as if there were pairs
# says: there is no pair in this data
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (fake_y - y).abs().mean(),
        "cyc_y": lam * (fake_x - x).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: the same generator there and back, the identity as a cycle
# says: the same generator goes there and back
# says: the identity term passes one generator only
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (G(fake_y) - x).abs().mean(),
        "cyc_y": lam * (F(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(fake_y) - x).abs().mean(),
        "id_y": lam * lam_id * (G(fake_x) - y).abs().mean(),
    }


# %% 03.1 wrong: names of the identity terms exchanged
# says: the other generator's identity term
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (G(y) - y).abs().mean(),
        "id_y": lam * lam_id * (F(x) - x).abs().mean(),
    }


# %% 03.1 wrong: squared distances, abs after the mean
# says: differences are squared
# says: abs() is missing, or comes after the mean
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * ((F(fake_y) - x) ** 2).mean(),
        "cyc_y": lam * ((G(fake_x) - y) ** 2).mean(),
        "id_x": lam * lam_id * (F(x) - x).mean().abs(),
        "id_y": lam * lam_id * (G(y) - y).mean().abs(),
    }


# %% 03.1 wrong: one value an image
# says: each term is one number, the mean over everything
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    def per_image(h):
        return h.flatten(1).mean(1)

    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": per_image((Dy(fake_y) - 1) ** 2),
        "gan_f": per_image((Dx(fake_x) - 1) ** 2),
        "cyc_x": lam * per_image((F(fake_y) - x).abs()),
        "cyc_y": lam * per_image((G(fake_x) - y).abs()),
        "id_x": lam * lam_id * per_image((F(x) - x).abs()),
        "id_y": lam * lam_id * per_image((G(y) - y).abs()),
    }


# %% 03.1 wrong: the name F taken for torch's functions
# says: AttributeError
# says: hides any `functional as F` of the notebook
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * F.l1_loss(F(fake_y), x),
        "cyc_y": lam * F.l1_loss(G(fake_x), y),
        "id_x": lam * lam_id * F.l1_loss(F(x), x),
        "id_y": lam * lam_id * F.l1_loss(G(y), y),
    }


# %% 03.1 wrong: the sum of all terms
# says: wanted a dict of six tensors: gan_g, gan_f, cyc_x, cyc_y, id_x, id_y
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    loss = ((Dy(fake_y) - 1) ** 2).mean() + ((Dx(fake_x) - 1) ** 2).mean()
    loss = loss + lam * (F(fake_y) - x).abs().mean() + lam * (G(fake_x) - y).abs().mean()
    return loss + lam * lam_id * ((F(x) - x).abs().mean() + (G(y) - y).abs().mean())


# %% 03.1 wrong: one cycle term for both, plain numbers
# says: cyc_x is missing
# says: drop .item() or float()
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean().item(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean().item(),
        "cyc": lam * ((F(fake_y) - x).abs().mean() + (G(fake_x) - y).abs().mean()),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


# %% 03.1 wrong: the sum among the terms
# says: and no more: training adds them all up
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    losses = {
        "gan_g": ((Dy(fake_y) - 1) ** 2).mean(),
        "gan_f": ((Dx(fake_x) - 1) ** 2).mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }
    losses["total"] = sum(losses.values())
    return losses


# %% 03.1 wrong: nothing returned
# says: your function returned None
# says: is a `return` missing?
def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    losses = {}
    losses["gan_g"] = ((Dy(G(x)) - 1) ** 2).mean()


# %% 03.2 right: the mean of two mse_losses
def discriminator_loss(D, real, fake):
    on_real, on_fake = D(real), D(fake.detach())
    loss_real = F.mse_loss(on_real, torch.ones_like(on_real))
    loss_fake = F.mse_loss(on_fake, torch.zeros_like(on_fake))
    return (loss_real + loss_fake) * 0.5


# %% 03.2 right: one call of D, the outputs parted again
def discriminator_loss(D, real, fake):
    logits = D(torch.cat([real, fake.detach().clone()], 0))
    on_real, on_fake = logits[: len(real)], logits[len(real) :]
    return torch.stack([((on_real - 1) ** 2).mean(), (on_fake**2).mean()]).mean()


# %% 03.2 right: sums divided by what they count, fake first
def discriminator_loss(D, real, fake):
    f = D(fake.data)
    r = D(real)
    return 0.5 * (f * f).sum() / f.numel() + 0.5 * (1 - r).pow(2).sum() / r.numel()


# %% 03.2 right: means of each image, then of the batch
def discriminator_loss(D, real, fake):
    with torch.no_grad():
        fake = fake * 1
    of_images = [(D(images).sub(target) ** 2).flatten(1).mean(1) for images, target in ((real, 1.0), (fake, 0.0))]
    return sum(values.mean() for values in of_images) / 2


# %% 03.2 wrong: not detached
# says: a gradient flows through fake into the generator
# says: fake is not detached
def discriminator_loss(D, real, fake):
    return 0.5 * (((D(real) - 1) ** 2).mean() + (D(fake) ** 2).mean())


# %% 03.2 wrong: not halved
# says: the loss is not halved
def discriminator_loss(D, real, fake):
    return ((D(real) - 1) ** 2).mean() + (D(fake.detach()) ** 2).mean()


# %% 03.2 wrong: targets swapped
# says: the targets are swapped
def discriminator_loss(D, real, fake):
    return 0.5 * ((D(real) ** 2).mean() + ((D(fake.detach()) - 1) ** 2).mean())


# %% 03.2 wrong: cross-entropy
# says: this is the cross-entropy of lesson 01
def discriminator_loss(D, real, fake):
    on_real, on_fake = D(real), D(fake.detach())
    bce = F.binary_cross_entropy_with_logits
    return 0.5 * (bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake)))


# %% 03.2 wrong: cross-entropy, not halved
# says: this is the cross-entropy of lesson 01
def discriminator_loss(D, real, fake):
    return F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()


# %% 03.2 wrong: D's output detached
# says: D's output for fake is detached
def discriminator_loss(D, real, fake):
    return 0.5 * (((D(real) - 1) ** 2).mean() + (D(fake).detach() ** 2).mean())


# %% 03.2 wrong: under no_grad
# says: no gradient arrives in D
# says: D works under no_grad
def discriminator_loss(D, real, fake):
    with torch.no_grad():
        on_real, on_fake = D(real), D(fake)
    return 0.5 * (((on_real - 1) ** 2).mean() + (on_fake**2).mean())


# %% 03.2 wrong: sums
# says: you add up the patches instead of averaging them
def discriminator_loss(D, real, fake):
    return 0.5 * (((D(real) - 1) ** 2).sum() + (D(fake.detach()) ** 2).sum())


# %% 03.2 wrong: both targets 1
# says: both targets are the same
def discriminator_loss(D, real, fake):
    return 0.5 * (((D(real) - 1) ** 2).mean() + ((D(fake.detach()) - 1) ** 2).mean())


# %% 03.2 wrong: one mean over all
# says: one mean is taken over real and translated images together
def discriminator_loss(D, real, fake):
    logits = D(torch.cat([real, fake.detach()]))
    target = torch.zeros_like(logits)
    target[: len(real)] = 1
    return F.mse_loss(logits, target)


# %% 03.2 wrong: the difference of both, in one square
# says: two means, never one difference
def discriminator_loss(D, real, fake):
    return 0.5 * ((D(real) - D(fake.detach()) - 1) ** 2).mean()


# %% 03.2 wrong: a sigmoid first
# says: a sigmoid acts on D's outputs
def discriminator_loss(D, real, fake):
    on_real, on_fake = D(real).sigmoid(), D(fake.detach()).sigmoid()
    return 0.5 * (((on_real - 1) ** 2).mean() + (on_fake**2).mean())


# %% 03.2 wrong: mean before the square
# says: the mean is taken before the square
def discriminator_loss(D, real, fake):
    return 0.5 * ((D(real).mean() - 1) ** 2 + D(fake.detach()).mean() ** 2)


# %% 03.2 wrong: absolute values
# says: absolute values stand where squares should
def discriminator_loss(D, real, fake):
    return 0.5 * ((D(real) - 1).abs().mean() + D(fake.detach()).abs().mean())


# %% 03.2 wrong: a plain number
# says: drop .item() or float()
def discriminator_loss(D, real, fake):
    return 0.5 * (((D(real) - 1) ** 2).mean() + (D(fake.detach()) ** 2).mean()).item()


# %% 03.2 wrong: only fakes
# says: only one of the two kinds of images counts
def discriminator_loss(D, real, fake):
    return 0.5 * (D(fake.detach()) ** 2).mean()


# %% 03.3 right: a list, coin by randint, the place drawn first
class ImageBuffer:
    def __init__(self, size, generator):
        self.size = size
        self.generator = generator
        self.images = []

    def query(self, images):
        if self.size == 0:
            return images
        out = []
        for image in images:
            image = image.detach()
            if len(self.images) < self.size:
                self.images.append(image.clone())
                out.append(image)
                continue
            k = torch.randint(0, self.size, (1,), generator=self.generator).item()
            if torch.randint(2, (1,), generator=self.generator).item() == 1:
                out.append(self.images[k])
                self.images[k] = image.clone()
            else:
                out.append(image)
        return torch.stack(out)


# %% 03.3 right: one tensor as the store, all coins of a batch at once
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.store, self.held = size, generator, None, 0

    @torch.no_grad()
    def query(self, images):
        out = images.clone()
        if self.store is None:
            self.store = images.new_zeros(self.size, *images.shape[1:])
        coins = torch.rand(len(images), generator=self.generator)
        for i in range(len(images)):
            if self.held < self.size:
                self.store[self.held] = images[i]
                self.held += 1
            elif coins[i] > 0.5 and self.size > 0:
                k = int(torch.rand(1, generator=self.generator) * self.size)
                out[i] = self.store[k]
                self.store[k] = images[i]
        return out


# %% 03.3 right: pop and append, Bernoulli's coin, what comes out joined by cat
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator = size, generator
        self.kept = []

    def query(self, images):
        result = []
        for image in images.split(1):
            if len(self.kept) < self.size:
                self.kept.append(image.clone().detach())
            elif self.size and torch.bernoulli(torch.tensor(0.5), generator=self.generator):
                k = int(torch.randperm(len(self.kept), generator=self.generator)[0])
                old = self.kept.pop(k)
                self.kept.append(image.clone().detach())
                image = old
            result.append(image)
        return torch.cat(result)


# %% 03.3 right: a batch at once, places without repetition, only while the batch fits into what is kept
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.kept = size, generator, None

    def query(self, images):
        images = images.detach().clone()
        if self.kept is None:
            self.kept = images[:0]
        out = images.clone()
        room = min(self.size - len(self.kept), len(images))
        self.kept = torch.cat([self.kept, images[:room]])
        rest = torch.arange(room, len(images))
        if self.size and len(rest):
            chosen = rest[torch.rand(len(rest), generator=self.generator) < 0.5]
            places = torch.randperm(self.size, generator=self.generator)[: len(chosen)]
            out[chosen] = self.kept[places]
            self.kept[places] = images[chosen]
        return out


# %% 03.3 wrong: always new, whatever the coin
# says: what came out was always the image just given
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
        return images


# %% 03.3 wrong: replaces, but returns the new one
# says: what came out was always the image just given
# says: Does a coin decide, is the old image returned
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        if self.size == 0:
            return images
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                self.images[k] = image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: a view of the store, written over before it is returned
# says: what came out was always the image just given
# says: is no copy: clone it first
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.store, self.held = size, generator, None, 0

    def query(self, images):
        if self.size == 0:
            return images
        if self.store is None:
            self.store = torch.zeros(self.size, *images.shape[1:], dtype=images.dtype)
        out = []
        for image in images.detach():
            if self.held < self.size:
                self.store[self.held] = image
                self.held += 1
                out.append(image)
            elif torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator).item()
                old = self.store[k]
                self.store[k] = image
                out.append(old)
            else:
                out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: old ones come out, none enters
# says: no new one ever enters
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        if self.size == 0:
            return images
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
                out.append(image)
            elif torch.rand(1, generator=self.generator) < 0.5:
                out.append(self.images[torch.randint(self.size, (1,), generator=self.generator)])
            else:
                out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: one coin for the batch
# says: throw a coin for each image, not for the batch
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        old = torch.rand(1, generator=self.generator) < 0.5
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
                out.append(image)
            elif old and self.size:
                k = torch.randint(self.size, (1,), generator=self.generator)
                out.append(self.images[k])
                self.images[k] = image.detach().clone()
            else:
                out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: coin and place for the batch
# says: throw a coin for each image, not for the batch
# says: all old images of a batch come from one place
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        old = torch.rand(1, generator=self.generator) < 0.5
        k = torch.randint(max(self.size, 1), (1,), generator=self.generator)
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
                out.append(image)
            elif old and self.size:
                out.append(self.images[k])
                self.images[k] = image.detach().clone()
            else:
                out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: keeps the graph
# says: the buffer keeps the graph that made them
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: keeps an alias
# says: it keeps the same memory
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images.detach():
            if len(self.images) < self.size:
                self.images.append(image)
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: keeps the images as they come, graph and memory
# says: it keeps the same memory
# says: the buffer keeps the graph that made them
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image)
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: the oldest goes, another comes out
# says: your buffer lets the one stored longest go
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                old = self.images[torch.randint(self.size, (1,), generator=self.generator)]
                self.images.pop(0)
                self.images.append(image.detach().clone())
                image = old
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: the oldest comes out and goes
# says: always the one stored longest
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                self.images.append(image.detach().clone())
                image = self.images.pop(0)
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: every image enters, the oldest goes
# says: one that comes straight back is not kept
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            new = image.detach().clone()
            if len(self.images) == self.size > 0:
                if torch.rand(1, generator=self.generator) < 0.5:
                    image = self.images[torch.randint(self.size, (1,), generator=self.generator)]
                self.images.pop(0)
                self.images.append(new)
            elif self.size:
                self.images.append(new)
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: every image enters at a random place
# says: one that came straight back is not kept
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            new = image.detach().clone()
            if len(self.images) < self.size:
                self.images.append(new)
            elif self.size:
                k = torch.randint(self.size, (1,), generator=self.generator)
                if torch.rand(1, generator=self.generator) < 0.5:
                    image = self.images[k]
                self.images[k] = new
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: grows past its size
# says: since it may fill up in the middle of a batch
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        if len(self.images) < self.size:
            self.images.extend(images.detach().clone())
            return images
        out = []
        for image in images:
            if self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(len(self.images), (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: one too many
# says: look before each image whether there is still room
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) <= self.size and self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(len(self.images), (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: adds new ones and lets none go
# says: what is handed out leaves the buffer
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            new = image.detach().clone()
            if len(self.images) < self.size:
                self.images.append(new)
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                image = self.images[torch.randint(len(self.images), (1,), generator=self.generator)]
                self.images.append(new)
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: old ones already while it fills
# says: until all are, every image is kept and comes straight back
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            new = image.detach().clone()
            if self.images and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(len(self.images), (1,), generator=self.generator)
                image, self.images[k] = self.images[k], new
            elif len(self.images) < self.size:
                self.images.append(new)
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: the last place is never drawn
# says: does your random integer reach it?
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(0, self.size - 1, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: places in turn
# says: always the one stored longest
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images, self.next = size, generator, [], 0

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = self.next
                self.next = (self.next + 1) % self.size
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: a rounded bell instead of equal chances
# says: all are equally likely
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = int(torch.rand(2, generator=self.generator).mean() * self.size)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: no coin, always old
# says: were old ones: a coin decides for each
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size:
                k = torch.randint(self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: a coin of 1 in 4
# says: wanted a share of 0.5
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(2, generator=self.generator).max() < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: Python's random
# says: draws from the global random state
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.images = size, []
        random.seed(int(torch.randint(10**6, (), generator=generator)))

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and random.random() < 0.5:
                k = random.randrange(self.size)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: a generator of its own
# says: another state of the generator gave the same images
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, torch.Generator().manual_seed(0), []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: the batch in which it fills up comes straight back
# says: and every image came straight back
# says: not once for the batch
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.kept = size, generator, []

    def query(self, images):
        if len(self.kept) < self.size:
            self.kept += [image.detach().clone() for image in images][: self.size - len(self.kept)]
            return images
        out = []
        for image in images:
            if self.size and torch.rand((), generator=self.generator) < 0.5:
                k = int(torch.randint(self.size, (), generator=self.generator))
                image, self.kept[k] = self.kept[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: is there room, asked once for the batch
# says: not once for the batch
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.kept = size, generator, []

    def query(self, images):
        out, full = [], len(self.kept) == self.size
        for image in images:
            if not full and len(self.kept) < self.size:
                self.kept.append(image.detach().clone())
            elif full and self.size and torch.rand((), generator=self.generator) < 0.5:
                k = int(torch.randint(self.size, (), generator=self.generator))
                image, self.kept[k] = self.kept[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: size 0 draws a place
# says: With size 0 there is no place to draw
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(0, self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)


# %% 03.3 wrong: a list comes out
# says: join them with torch.stack
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.detach().clone())
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                image, self.images[k] = self.images[k], image.detach().clone()
            out.append(image)
        return out


# %% 03.3 wrong: joined by cat, which lays the images side by side
# says: query returned tensor 8x1x2 float64 for a batch of (4, 2, 1, 2)
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.kept = size, generator, []

    def query(self, images):
        out = []
        for image in images:
            if len(self.kept) < self.size:
                self.kept.append(image.detach().clone())
            elif self.size and torch.rand((), generator=self.generator) < 0.5:
                k = int(torch.randint(self.size, (), generator=self.generator))
                image, self.kept[k] = self.kept[k], image.detach().clone()
            out.append(image)
        return torch.cat(out)


# %% 03.3 wrong: a store of another dtype
# says: what comes out is torch.float32, wanted torch.float64
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.store, self.held = size, generator, None, 0

    def query(self, images):
        if self.store is None:
            self.store = torch.zeros(self.size, *images.shape[1:])
        out = torch.zeros(images.shape)
        for i, image in enumerate(images.detach()):
            out[i] = image
            if self.held < self.size:
                self.store[self.held] = image
                self.held += 1
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator).item()
                out[i] = self.store[k]
                self.store[k] = image
        return out


# %% 03.3 wrong: old images written into what is given
# says: query changes the images that it is given in place
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        for i in range(len(images)):
            new = images[i].detach().clone()
            if len(self.images) < self.size:
                self.images.append(new)
            elif self.size and torch.rand(1, generator=self.generator) < 0.5:
                k = torch.randint(self.size, (1,), generator=self.generator)
                images[i] = self.images[k]
                self.images[k] = new
        return images


# %% 03.3 wrong: nothing returned
# says: is a `return` missing?
class ImageBuffer:
    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def query(self, images):
        self.images.extend(images)


# %% 03.4 right: any norm, one for each convolution
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.norm1 = nn.Conv2d(channels, channels, 3), norm(channels)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, 3), norm(channels)

    def forward(self, x):
        h = self.norm1(self.conv1(self.pad(x))).relu()
        return x + self.norm2(self.conv2(self.pad(h)))


# %% 03.4 right: layers in a row
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3)
        self.conv2 = nn.Conv2d(channels, channels, 3)
        self.norms = nn.ModuleList(norm(channels) for _ in range(2))
        first = [nn.ReflectionPad2d(1), self.conv1, self.norms[0], nn.ReLU()]
        self.layers = [*first, nn.ReflectionPad2d(1), self.conv2, self.norms[1]]

    def forward(self, x):
        h = x
        for layer in self.layers:
            h = layer(h)
        return h + x


# %% 03.4 right: padding_mode of the convolution, ReLU in place
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, padding_mode="reflect")
        self.norm1 = norm(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, padding_mode="reflect")
        self.norm2 = norm(channels)

    def forward(self, x):
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        out += x
        return out


# %% 03.4 right: functions, F.pad
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.first, self.second = norm(channels), norm(channels)

    def forward(self, x):
        h = F.relu(self.first(self.conv1(F.pad(x, (1, 1, 1, 1), mode="reflect"))))
        return x.clone() + self.second(self.conv2(F.pad(h, (1, 1, 1, 1), mode="reflect")))


# %% 03.4 right: the convolutions as attributes and in a Sequential
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3)
        self.conv2 = nn.Conv2d(channels, channels, 3)
        self.f = nn.Sequential(
            nn.ReflectionPad2d(1),
            self.conv1,
            norm(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            self.conv2,
            norm(channels),
        )

    def forward(self, x):
        return x + self.f(x)


# %% 03.4 wrong: one norm used twice
# says: holds 1 batch norms, wanted two, and norm is called once
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.pad, self.norm = nn.ReflectionPad2d(1), norm(channels)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(self.pad(h)))


# %% 03.4 wrong: instance norm whatever was asked for
# says: holds 0 batch norms, wanted two, and norm is never called
# says: No points depend on this, but the lesson needs it
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm1, self.norm2 = nn.InstanceNorm2d(channels), nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))


# %% 03.4 wrong: norms in a plain list
# says: holds 0 batch norms, wanted two, and norm is called 2 times
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.pad, self.norms = nn.ReflectionPad2d(1), [norm(channels) for _ in range(2)]
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)

    def forward(self, x):
        h = torch.relu(self.norms[0](self.conv1(self.pad(x))))
        return x + self.norms[1](self.conv2(self.pad(h)))


# %% 03.4 wrong: the norms exchanged
# says: the first one built behind conv1
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.pad, self.norm2, self.norm1 = nn.ReflectionPad2d(1), norm(channels), norm(channels)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)

    def forward(self, x):
        h = torch.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))


# %% 03.4 wrong: the norm by hand, whatever was asked for
# says: Keep `norm` in the signature
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, (3, 3))
        self.conv2 = nn.Conv2d(channels, channels, (3, 3))

    def norm(self, h):
        mean, var = h.mean((-2, -1), keepdim=True), h.var((-2, -1), keepdim=True, correction=0)
        return (h - mean) * (var + 1e-5).rsqrt()

    def forward(self, x):
        pad = nn.ReflectionPad2d((1, 1, 1, 1))
        h = torch.maximum(self.norm(self.conv1(pad(x))), torch.zeros(()))
        p, (height, width) = pad(h), h.shape[-2:]
        out = self.conv2.bias[None, :, None, None]
        for i in range(3):
            for j in range(3):
                tap = self.conv2.weight[:, :, i, j]
                out = out + torch.einsum("oc,bchw->bohw", tap, p[..., i : i + height, j : j + width])
        return self.norm(out).add(x)


# %% 03.4 wrong: group norm with a group a channel, norm ignored
# says: holds 0
class ResidualBlock(nn.Module):
    def __init__(self, channels, norm=nn.InstanceNorm2d):
        super().__init__()
        self.channels, self.pad = channels, nn.ReflectionPad2d(1)
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 0)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 0)

    def forward(self, x):
        f = nn.Sequential(self.pad, self.conv1, nn.GroupNorm(self.channels, self.channels, affine=False), nn.ReLU())
        h = F.group_norm(self.conv2(self.pad(f(x))), self.channels)
        return x.clone().add_(h)


# %% 03.4 wrong: ReLU after the sum
# says: something acts on the sum
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return torch.relu(x + self.norm(self.conv2(self.pad(h))))


# %% 03.4 wrong: zero padding
# says: the border is not filled by reflection
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(x)))
        return x + self.norm(self.conv2(h))


# %% 03.4 wrong: reflection and padding=1
# says: no padding=1 beside it
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(self.pad(h)))


# %% 03.4 wrong: padded before the first convolution only
# says: One reflection of 1 pixel before each convolution
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(h))


# %% 03.4 wrong: two pixels at the start
# says: two pixels are added at once
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(2)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(h))


# %% 03.4 wrong: second norm missing
# says: a norm is missing
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.conv2(self.pad(h))


# %% 03.4 wrong: without x
# says: x is not added
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return self.norm(self.conv2(self.pad(h)))


# %% 03.4 wrong: the sum before the second norm
# says: something acts on the sum
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return self.norm(x + self.conv2(self.pad(h)))


# %% 03.4 wrong: ReLU before the norm
# says: the ReLU comes before the norm
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = self.norm(torch.relu(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(self.pad(h)))


# %% 03.4 wrong: a ReLU at both ends of f
# says: then the block can only add to x
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = x
        for conv in (self.conv1, self.conv2):
            h = torch.relu(self.norm(conv(self.pad(h))))
        return x + h


# %% 03.4 wrong: norm and ReLU first
# says: Here they follow it
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = x
        for conv in (self.conv1, self.conv2):
            h = conv(self.pad(torch.relu(self.norm(h))))
        return x + h


# %% 03.4 wrong: conv1 used twice
# says: conv1 is used twice
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv1(self.pad(h)))


# %% 03.4 wrong: statistics of the batch
# says: the norm does not work on each image and channel by itself
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.BatchNorm2d(channels, affine=False, track_running_stats=False)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(self.pad(h)))


# %% 03.4 wrong: batch norm as it comes
# says: beside conv1 and conv2 the block has norm1.weight, norm1.bias
# says: a norm has weights of its own only as batch norm, or with affine or track_running_stats
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))


# %% 03.4 wrong: affine instance norm
# says: beside conv1 and conv2 the block has norm.weight, norm.bias, wanted none
# says: or with affine or track_running_stats
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(self.pad(h)))


# %% 03.4 wrong: other names
# says: two nn.Conv2d with bias, named conv1 and conv2
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.f = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x):
        return x + self.f(x)


# %% 03.4 wrong: convolutions without bias
# says: two nn.Conv2d with bias, named conv1 and conv2
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1 = nn.Conv2d(channels, channels, 3, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, bias=False)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(self.pad(h)))


# %% 03.4 wrong: 1x1 at the end
# says: wanted 3x3 from channels to channels
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 1)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(h))


# %% 03.4 wrong: x written over
# says: changes its input x in place
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        x += self.norm(self.conv2(self.pad(h)))
        return x


# %% 03.4 wrong: nothing returned
# says: got None: is a `return` missing?
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv1(self.pad(x))))
        h = x + self.norm(self.conv2(self.pad(h)))


# %% 03.5 right: noise of the shape of G(x)
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).abs().mean(dim=(1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean(dim=(1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 right: image by image, noise by torch.normal
@torch.no_grad()
def hidden_message(G, F, x, sigma, generator):
    clean, noisy = torch.zeros(len(x), dtype=x.dtype), torch.zeros(len(x), dtype=x.dtype)
    for i in range(len(x)):
        image = x[i : i + 1]
        y = G(image)
        noise = torch.normal(torch.zeros_like(y), sigma / 127.5, generator=generator)
        noisy[i] = 255 * (F(y + noise) - image).abs().mean() / 2
        clean[i] = 255 * (F(y) - image).abs().mean() / 2
    return clean, noisy


# %% 03.5 right: both through F at once, everything in grey levels, normal_ in place
def hidden_message(G, F, x, sigma, generator):
    with torch.no_grad():
        y = G(x)
        grey = (y + 1) * 127.5
        grey = grey + torch.empty_like(grey).normal_(0, sigma, generator=generator)
        back = F(torch.cat([y, grey / 127.5 - 1]))
        errors = ((back + 1) * 127.5 - (torch.cat([x, x]) + 1) * 127.5).abs().flatten(1).mean(1)
    return tuple(errors.split(len(x)))


# %% 03.5 right: a draw for each pixel row, a list of two results
def hidden_message(G, F, x, sigma, generator):
    y = G(x).detach()
    noisy = y.clone()
    for row in range(y.shape[2]):
        noisy[:, :, row] += torch.randn(y[:, :, row].shape, generator=generator).to(y) * (sigma / 127.5)
    return [torch.stack([(a - b).abs().mean() for a, b in zip(F(z), x)]).mul(127.5) for z in (y, noisy)]


# %% 03.5 wrong: noise on x
# says: the noise comes back as it was put in
def hidden_message(G, F, x, sigma, generator):
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype) * sigma / 127.5
    clean = (F(G(x)) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(G(x + noise)) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: noise behind F
# says: not on x, not behind F
def hidden_message(G, F, x, sigma, generator):
    back = F(G(x))
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype) * sigma / 127.5
    return (back - x).abs().mean((1, 2, 3)) * 127.5, (back + noise - x).abs().mean((1, 2, 3)) * 127.5


# %% 03.5 wrong: sigma in units of [-1, 1]
# says: divide sigma by 127.5
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: sigma divided by 255
# says: so one unit is 127.5
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 255
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: errors in [-1, 1]
# says: the error is in another unit
# says: too small by 127.5
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    return (F(y) - x).abs().mean((1, 2, 3)), (F(y + noise) - x).abs().mean((1, 2, 3))


# %% 03.5 wrong: mean before abs
# says: abs() comes after the mean
# says: the signs of noise cancel
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).mean((1, 2, 3)).abs() * 127.5
    noisy = (F(y + noise) - x).mean((1, 2, 3)).abs() * 127.5
    return clean, noisy


# %% 03.5 wrong: G(x) anew
# says: ask it once and use its answer twice
def hidden_message(G, F, x, sigma, generator):
    noise = torch.randn(G(x).shape, generator=generator, dtype=x.dtype) * sigma / 127.5
    clean = (F(G(x)) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(G(x) + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: noise not from the generator
# says: draws from the global random state
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    torch.manual_seed(int(torch.randint(10**6, (), generator=generator)))
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + torch.randn_like(y) * sigma / 127.5) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: the generator started anew
# says: another state of the generator gave the same numbers
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    generator.manual_seed(0)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: uniform noise
# says: wanted is Gaussian noise
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = (torch.rand(y.shape, generator=generator, dtype=y.dtype) * 2 - 1) * sigma / 127.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: sigma as a variance
# says: sigma is its standard deviation
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * (sigma / 127.5) ** 0.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: the same noise for all images
# says: draw the noise of each image anew
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape[1:], generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: grey noise
# says: the three colours of a pixel get the same noise
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(len(y), 1, *y.shape[2:], generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: one number of noise an image
# says: all values of an image seem to get the same noise
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(len(y), 1, 1, 1, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: clamped
# says: G's answer is clamped
def hidden_message(G, F, x, sigma, generator):
    y = G(x).clamp(-1, 1)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F((y + noise).clamp(-1, 1)) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: clamped with the noise only
# says: clamped to [−1, 1] before it goes into F
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F((y + noise).clamp(-1, 1)) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: exchanged, noise by torch.normal
# says: the two results are exchanged
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.normal(torch.zeros_like(y), sigma / 127.5, generator=generator)
    clean = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return noisy, clean


# %% 03.5 wrong: the other way round
# says: x goes through F first
def hidden_message(G, F, x, sigma, generator):
    y = F(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = (G(y) - x).abs().mean((1, 2, 3)) * 127.5
    noisy = (G(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: noisy against the clean reconstruction
# says: noisy is compared with the clean reconstruction
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    back = F(y)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    return (back - x).abs().mean((1, 2, 3)) * 127.5, (F(y + noise) - back).abs().mean((1, 2, 3)) * 127.5


# %% 03.5 wrong: means over the batch
# says: wanted one number an image
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    return (F(y) - x).abs().mean() * 127.5, (F(y + noise) - x).abs().mean() * 127.5


# %% 03.5 wrong: squared
# says: differences are squared
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = ((F(y) - x) ** 2).mean((1, 2, 3)).sqrt() * 127.5
    noisy = ((F(y + noise) - x) ** 2).mean((1, 2, 3)).sqrt() * 127.5
    return clean, noisy


# %% 03.5 wrong: noise of float32, which torch.randn makes of itself, in a tensor of its own
# says: does some tensor begin with a dtype of its own?
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    errors = torch.zeros(2, len(x))
    noise = torch.randn(y.shape, generator=generator) * sigma / 127.5
    errors[0] = (F(y) - x).abs().mean((1, 2, 3)) * 127.5
    errors[1] = (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
    return errors[0], errors[1]


# %% 03.5 wrong: the name F taken for torch's functions
# says: hides any `functional as F` of the notebook
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    clean = F.l1_loss(F(y), x, reduction="none").mean((1, 2, 3)) * 127.5
    noisy = F.l1_loss(F(y + noise), x, reduction="none").mean((1, 2, 3)) * 127.5
    return clean, noisy


# %% 03.5 wrong: only the noisy error
# says: wanted a pair of tensors: clean, noisy
def hidden_message(G, F, x, sigma, generator):
    y = G(x)
    noise = torch.randn(y.shape, generator=generator, dtype=y.dtype) * sigma / 127.5
    return (F(y + noise) - x).abs().mean((1, 2, 3)) * 127.5
