"""01.5: one step of pix2pix, D's half and then G's, by hand.

In the lesson it trains through `fit(..., step=...)`. Each half is checked alone, then both over three steps; that D's
half leaves no gradient in G is worth a point of its own: where G's gradients are emptied after it, and the graph kept
or made afresh, a missing detach changes no weight.
"""

import torch

from gritlib.course.compare import difference, returned, same
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson01.adversarial_losses import adversarial_losses
from gritlib.course.exercises.lesson01.train_step_mistakes import MISTAKES


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)

    real_logits, fake_logits = D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1))
    d = adversarial_losses(real_logits, fake_logits)["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()

    fake_logits = D(torch.cat([x, fake], 1))
    g = adversarial_losses(real_logits, fake_logits)["g"]
    l1 = (fake - y).abs().mean()
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.detach(), "g": g.detach(), "l1": l1.detach()}


def play(inputs, train_step):
    F, state, setup = torch.nn.functional, inputs["state"], inputs["setup"]

    class Net(torch.nn.Module):
        def __init__(self, name):
            super().__init__()
            self.first, self.last = (
                torch.nn.Parameter(state[f"{name}.{layer}"].clone()) for layer in ("first", "last")
            )

    class Generator(Net):
        def forward(self, x):
            return torch.tanh(F.conv2d(F.leaky_relu(F.conv2d(x, self.first, padding=1), 0.2), self.last, padding=1))

    class Discriminator(Net):
        def forward(self, images):
            # Takes fewer channels too: then a D without the condition shows in the numbers and not as a crash.
            h = F.conv2d(images, self.first[:, : images.shape[1]], stride=2, padding=1)
            return F.conv2d(F.leaky_relu(h, 0.2), self.last)

    G, D = Generator("G"), Discriminator("D")
    make = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[setup["optimizer"]]
    opt_g, opt_d = make(G.parameters(), setup["lr_g"]), make(D.parameters(), setup["lr_d"])

    def weights(net):
        return {name: p.detach().clone() for name, p in net.named_parameters()}

    steps, as_d_steps = {"D": 0, "G": 0}, {}

    def count_g(*_):
        steps["G"] += 1

    def look(*_):
        # Called when D's optimiser is about to step; what it finds is kept from the first time.
        steps["D"] += 1
        if not as_d_steps:
            left = sum(float(p.grad.square().sum()) for p in G.parameters() if p.grad is not None) ** 0.5
            pushed = any(p.grad is not None and bool(p.grad.any()) for p in D.parameters())
            as_d_steps.update(weights_of_g=weights(G), left_in_g=left, d_has_gradient=pushed)

    opt_d.register_step_pre_hook(look)
    opt_g.register_step_pre_hook(count_g)
    for _ in range(setup["steps"]):
        losses = train_step(inputs["x"], inputs["y"], G, D, opt_g, opt_d, setup["lam"])
    if isinstance(losses, dict):
        tensors = {name: value for name, value in losses.items() if isinstance(value, torch.Tensor)}
        losses = losses | {name: value.item() for name, value in tensors.items() if value.numel() == 1}
    told = {"D": weights(D), "G": weights(G), "losses": losses, "steps": steps, "as D steps": as_d_steps}
    return {name: told[name] for name in setup["report"]}


def draw_step(generator, *report, optimizer="SGD", steps=1, d_moves=True):
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]

    def normal(*shape, scale=1.0):
        return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)

    lr = {"SGD": 0.05, "Adam": 0.01}[optimizer]
    lam = float(5 + 5 * torch.rand((), generator=generator))
    setup = {"optimizer": optimizer, "steps": steps, "lr_g": lr, "lr_d": lr if d_moves else 0.0, "lam": lam}
    return {
        "x": normal(batch, 2, 8, 8),
        "y": torch.tanh(normal(batch, 2, 8, 8)),
        "setup": {**setup, "report": list(report)},
        "state": {
            "G.first": normal(3, 2, 3, 3, scale=0.4),
            "G.last": normal(2, 3, 3, 3, scale=0.4),
            "D.first": normal(3, 4, 4, 4, scale=0.4),
            "D.last": normal(1, 3, 2, 2, scale=0.8),
        },
    }


def draw_d_half(generator):
    return draw_step(generator, "D", "steps")


def draw_g_half(generator):
    # D stands still, so that a fault in its half does not reach this part.
    return draw_step(generator, "G", "steps", d_moves=False)


def draw_three_steps(generator):
    return draw_step(generator, "D", "G", "steps", optimizer="Adam", steps=3)


def draw_losses(generator):
    return draw_step(generator, "losses", d_moves=False)


def draw_left(generator):
    # G's weights after the step are not judged here: they tell a harmless leftover from one that G steps with.
    return draw_step(generator, "as D steps", "G")


def judge_weights(inputs, got, wanted):
    for name in [player for player in ("D", "G") if player in wanted]:
        said = difference(got[name], wanted[name], 1e-5, 1e-7, f"weights of {name}")
        if not said:
            continue
        step, calls = f"opt_{name.lower()}.step()", got["steps"][name]
        if not calls:
            return f"{step} is never called"
        if same(got[name], {layer: inputs["state"][f"{name}.{layer}"] for layer in got[name]}):
            return f"{name} does not move: {step} finds no gradient"
        more = calls > inputs["setup"]["steps"]
        return said + (f"; {step} was called {calls} times in {inputs['setup']['steps']} step(s)" if more else "")
    return None


def judge_losses(inputs, got, wanted):
    if not isinstance(got["losses"], dict):
        return returned(got["losses"], "a dict of three numbers: d, g, l1")
    return difference(got["losses"], wanted["losses"], 1e-6, 1e-9)


def judge_left(inputs, got, wanted):
    seen = got["as D steps"]
    if not seen:
        return "opt_d.step() is never called"
    if difference(seen["weights_of_g"], wanted["as D steps"]["weights_of_g"], 1e-9, 1e-12):
        return "when opt_d.step() is called G has moved already"
    if not seen["d_has_gradient"]:
        return "when opt_d.step() is called D holds no gradient yet"
    if seen["left_in_g"]:
        return f"when opt_d.step() is called G's parameters hold a gradient already (norm {seen['left_in_g']:.3g})"
    return None


TRAIN_STEP = Exercise(
    id="01.5",
    names=("train_step",),
    reference=(train_step,),
    minutes=25,
    parts=(
        Part(
            "D's half: D's weights after a step",
            1,
            draw_d_half,
            play,
            judge_weights,
            "D's half: empty D's gradients, the loss of a real pair and a generated pair, backward, step. What D sees "
            "is x and an image, joined along the channels, x first.",
            repeat=2,
        ),
        Part(
            "G's half: G's weights after a step in which D stands still",
            1,
            draw_g_half,
            play,
            judge_weights,
            "G's half: ask D again about the generated pair, this time with its way back to G; g plus lam times the "
            "mean absolute difference; empty G's gradients, backward, step.",
            repeat=2,
        ),
        Part(
            "both: the weights of D and G after three steps",
            1,
            draw_three_steps,
            play,
            judge_weights,
            "If one step of each half is right and three are not, look at what is left in .grad when the next step "
            "begins, and at the order of the two halves.",
            repeat=3,
        ),
        Part(
            "the losses it returns: d, g and l1 as numbers",
            1,
            draw_losses,
            play,
            judge_losses,
            "d is halved already by adversarial_losses, g does not contain l1, and l1 is not multiplied by lam.",
            repeat=2,
        ),
        Part(
            "D's half leaves no gradient in G",
            1,
            draw_left,
            play,
            judge_left,
            "Two ways lead there: D's backward goes through the image into G, or G's half has begun already.",
        ),
    ),
    mistakes=MISTAKES,
)
