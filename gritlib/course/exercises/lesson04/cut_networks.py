"""The small networks of exercise 04.4, and what is looked at while they are used."""

import torch


def play(inputs, cut_losses):
    import random

    F, state, setup = torch.nn.functional, inputs["state"], inputs["setup"]
    seen = {"encoded": 0, "asked": []}

    class Generator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.inner, self.last = (torch.nn.Parameter(w.clone()) for w in state["G"])

        def both(self, x, taps):
            seen["encoded"] += len(x)
            down = F.avg_pool2d(torch.tanh(F.conv2d(x, self.first, padding=1)), 2)
            inside = down + torch.tanh(F.conv2d(down, self.inner, padding=1))
            # The other way round than asked: a dict of features is read by name.
            found = {"res1": inside, "down1": down, "rgb": x}
            return inside, {name: found[name] for name in found if name in taps}

        def forward(self, x, taps=None):
            inside, found = self.both(x, taps or ())
            image = torch.tanh(F.conv2d(F.interpolate(inside, scale_factor=2.0), self.last, padding=1))
            return (image, found) if taps else image

        def encode(self, x, taps):
            return self.both(x, taps)[1]

    class Heads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = torch.nn.ParameterList(torch.nn.Parameter(w.clone()) for w in state["heads"])
            self.generator = torch.Generator().manual_seed(setup["seed"])

        def forward(self, features, n, places=None):
            if places is None:
                seen["asked"].append(n)
                places = [torch.randperm(f[0, 0].numel(), generator=self.generator)[:n] for f in features]
            rows = [f.flatten(2).transpose(1, 2)[:, at] for f, at in zip(features, places, strict=True)]
            return [F.normalize(r @ w, dim=-1) for r, w in zip(rows, self.weights, strict=True)], places

    class Discriminator(torch.nn.Module):
        def forward(self, images):
            return F.conv2d(torch.tanh(F.conv2d(images, state["D"][0], stride=2, padding=1)), state["D"][1])

    class Config:
        def __init__(self, settings):
            self.__dict__.update(settings)

    def run(settings):
        seen.update(encoded=0, asked=[])
        G, heads = Generator(), Heads()
        before = torch.get_rng_state(), random.getstate()
        # A state that no answer seeds itself to, so that one which seeds and draws is seen everywhere.
        torch.manual_seed(8_675_309)
        random.seed(8_675_309)
        known = torch.get_rng_state(), random.getstate()
        losses = cut_losses(G, Discriminator(), heads, inputs["x"].clone(), inputs["y"].clone(), Config(settings))
        drew = not torch.equal(known[0], torch.get_rng_state()) or known[1] != random.getstate()
        torch.set_rng_state(before[0])
        random.setstate(before[1])
        told = {"losses": losses, "images encoded": seen["encoded"], "places asked for": sorted(set(seen["asked"]))}
        if isinstance(losses, dict) and setup["gradients"]:
            halves = {"G's first half": [G.first, G.inner], "G's second half": [G.last], "heads": list(heads.weights)}
            told["gradients"] = {}
            for name in setup["gradients"]:
                loss = losses.get(name)
                if not isinstance(loss, torch.Tensor) or loss.ndim:
                    continue
                for half, weights in halves.items():
                    # A zero of each keeps what the loss does not depend on inside the graph.
                    slopes = torch.autograd.grad(loss + 0 * sum(w.sum() for w in weights), weights, retain_graph=True)
                    told["gradients"][f"{name}, {half}"] = torch.cat([s.flatten() for s in slopes])
        if isinstance(losses, dict) and set(losses) == {"gan", "nce_x", "nce_y"}:
            told["losses"] = {name: losses[name] for name in setup["terms"]}
        return {name: told[name] for name in setup["report"] if name in told} | ({"drew": True} if drew else {})

    settings = dict(inputs["cfg"], layers=tuple(inputs["cfg"]["layers"]))
    told = run(settings)
    if setup["both"]:
        return {"flipped": told, "as it is": run(dict(settings, flip=False))}
    return told
