"""The bug clinic's training: on tiny networks each fault changes what it says and no more; a run is kept whole."""

import copy

import numpy as np
import pytest
import torch

from gritlib.data.source import Source
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.studies.clinic import record
from gritlib.studies.clinic.logs import CASES, CURVES, read, stem
from gritlib.studies.clinic.planted import FACTOR, LAMBDA, PLANTED, SeparateJitter, train_step
from gritlib.training import Run, fit

RUNS = [(fault, case) for fault, cases in CASES.items() for case in range(len(cases))]


@pytest.fixture
def tiny():
    """Maker of a source: random pairs of the wanted size, shifted and mirrored; `same` makes inputs the targets."""

    def make(size=16, tiles=3, same=False):
        rng = np.random.default_rng(0)
        side = size * tiles
        a, b = (rng.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(2))
        windows = np.array([(0, y, x) for y in range(0, side, size) for x in range(0, side, size)])
        bounds = np.tile([[0, side, 0, side]], (len(windows), 1))
        b = a if same else b
        return Source("tiny", "train", size, [a], [b], windows, bounds, jitter=size // 2, flips="hv")

    return make


def build(**settings) -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(Pix2PixConfig(3, 3, width=4, depth=2, d_width=4, d_layers=1, lr=1e-3, **settings))


def trained(source, *planted, steps=2, start=None):
    """G's and D's weights after some steps with mistakes, and the terms of the last one."""
    method = copy.deepcopy(start) if start is not None else build()
    optimizers = {
        name: torch.optim.Adam([p for net in player.nets for p in getattr(method, net).parameters()], player.lr)
        for name, player in method.players.items()
    }
    for step in range(steps):
        terms = train_step(method, source.batch([step, step + 1]), optimizers, planted)
    weights = [torch.nn.utils.parameters_to_vector(net.parameters()).detach() for net in (method.G, method.D)]
    return *weights, terms


def test_the_step_without_a_mistake_is_the_methods_own(tiny):
    options = {"steps": 4, "batch_size": 2, "precision": "fp32", "progress": False}
    own = fit(build(), tiny(), **options).trained.state_dict()
    ours = fit(build(), tiny(), step=lambda *given: train_step(*given), **options).trained.state_dict()
    assert max((own[key] - ours[key]).abs().max().item() for key in own) < 1e-5


def test_no_detach_needs_both_of_its_mistakes(tiny):
    g, d, terms = trained(tiny())
    assert terms["left"] == 0
    for one in PLANTED["no_detach"]:
        alone = trained(tiny(), one)
        assert torch.equal(alone[0], g) and torch.equal(alone[1], d) and alone[2]["left"] == 0
    both = trained(tiny(), *PLANTED["no_detach"])
    assert (both[0] - g).abs().max() > 1e-4 and both[2]["left"] > 0.001
    # The first step's D is the right one: only G's gradient is wrong.
    assert torch.equal(trained(tiny(), *PLANTED["no_detach"], steps=1)[1], trained(tiny(), steps=1)[1])


def test_no_detach_adds_ds_loss_to_what_g_minimises(tiny):
    """G's gradient is that of λ·L1 + adv + ½·D's term for the fake, the last through D as it was before its step."""
    source, start = tiny(), build()
    batch = source.batch([0, 1])
    seen = {}

    class Look(torch.optim.SGD):
        def step(self, closure=None):
            seen["grad"] = torch.cat([p.grad.flatten() for p in self.param_groups[0]["params"]]).clone()

    def gradient(method, planted):
        optimizers = {
            "discriminator": torch.optim.SGD(method.D.parameters(), 0.1),
            "generator": Look(method.G.parameters(), 0.1),
        }
        train_step(method, batch, optimizers, planted)
        return seen["grad"]

    extra = gradient(copy.deepcopy(start), PLANTED["no_detach"]) - gradient(copy.deepcopy(start), ())
    fake_logits = start.D(torch.cat([batch["A"], start.G(batch["A"])], 1))
    wanted = torch.autograd.grad(0.5 * torch.nn.functional.softplus(fake_logits).mean(), list(start.G.parameters()))
    torch.testing.assert_close(extra, torch.cat([w.flatten() for w in wanted]), rtol=1e-3, atol=1e-5)


def test_swapped_labels_move_d_the_other_way_and_leave_gs_terms_alone(tiny):
    _, d, right = trained(tiny(), steps=1)
    _, other, wrong = trained(tiny(), "labels_swapped", steps=1)
    assert (other - d).abs().max() > 1e-4 and wrong["L1"] == right["L1"]
    assert wrong["adv"] < right["adv"], "this D has learned to call fakes real"


def test_lambda_on_the_wrong_term_changes_g_alone(tiny):
    g, d, right = trained(tiny(), steps=1)
    other_g, other_d, wrong = trained(tiny(), "lambda_on_gan", steps=1)
    assert torch.equal(d, other_d) and (g - other_g).abs().max() > 1e-4
    assert wrong["adv"] == right["adv"] and wrong["L1"] == right["L1"]
    assert (wrong["pull"] / right["pull"]).item() == pytest.approx(LAMBDA**2, rel=1e-4)


def test_without_the_condition_d_cannot_look(tiny):
    batch = tiny().batch(range(4))
    method = build(conditional=False)
    recorder = record.Recorder("no_condition", batch)
    assert recorder.look(method)["D_looks"] == 0 < record.Recorder("healthy", batch).look(build())["D_looks"]
    before = torch.nn.utils.parameters_to_vector(method.D.parameters()).detach().clone()
    _, after, _ = trained(tiny(), "no_condition", start=method)
    assert not torch.equal(before, after)


def test_separate_jitter_parts_what_belongs_together(tiny):
    source = tiny(same=True)
    apart, indices = SeparateJitter(source), list(range(6))
    assert len(apart) == len(source) and torch.equal(apart.batch(indices)["A"], apart.batch(indices)["B"])
    joint, parted = (s.batch(indices, torch.Generator().manual_seed(1)) for s in (source, apart))
    assert torch.equal(joint["A"], joint["B"]) and torch.equal(joint["A"], parted["A"])
    assert all((a - b).abs().mean() > 0.1 for a, b in zip(parted["A"], parted["B"], strict=True))


def test_recording_plants_the_fault_and_writes_what_is_read(tiny, tmp_path, monkeypatch):
    seen = {}

    def spy(method, source, **options):
        seen[fault] = method.config.lr, method.config.conditional, type(source)
        return fit(method, source, **options)

    monkeypatch.setattr(record, "STEPS", 20)
    monkeypatch.setattr(record, "PICTURED", (10, 15, 20))
    monkeypatch.setattr(record.catalog, "load", lambda *_, **__: tiny(64, 2))
    monkeypatch.setattr(record, "fit", spy)
    for fault in ("healthy", "learning_rate", "jitter_not_joint", "no_condition"):
        path = record.record(fault, 1, tmp_path)
        log = read(fault, 1, tmp_path)
        assert path.name == f"{stem(fault, 1)}.json" and log.fault == fault and log.curves["step"] == [10, 20]
        assert len(log.strip()) == 5 and set(log.curves) == {"step", *CURVES}
    lr = record.recipe()["lr"]
    assert seen == {
        "healthy": (lr, True, Source),
        "learning_rate": (pytest.approx(FACTOR * lr), True, Source),
        "jitter_not_joint": (lr, True, SeparateJitter),
        "no_condition": (lr, False, Source),
    }


def test_what_is_recorded_is_not_recorded_again_and_what_stopped_leaves_no_file(tmp_path, monkeypatch):
    recorded = []
    monkeypatch.setattr(record, "record", lambda *given: recorded.append(given[:2]))
    (tmp_path / f"{stem('no_detach', 1)}.json").write_text("{}")
    record.record_all(tmp_path)
    assert recorded == [run for run in RUNS if run != ("no_detach", 1)]
    monkeypatch.undo()
    monkeypatch.setattr(record, "fit", lambda *_, **__: Run(method=None, trained=None, finished=False))
    with pytest.raises(KeyboardInterrupt):
        record.record("healthy", 1, tmp_path / "none")
    assert not (tmp_path / "none").exists()
