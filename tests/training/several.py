"""What each process does in `test_processes.py`: `torchrun several.py JOB FOLDER`. The test itself is the one process
that does the same alone. All in float64, on tiny images."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

from gritlib.data.source import Source
from gritlib.data.unpaired import Unpaired
from gritlib.methods import CUT, GRIT, CUTConfig, GRITConfig, Pix2Pix, Pix2PixConfig, Spade, SpadeConfig
from gritlib.training import TrainConfig, fit

RANK = int(os.environ.get("RANK", "0"))
HOW = {"precision": "fp32", "device": "cpu", "progress": False}
CONFIG = TrainConfig(steps=5, batch_size=8, ema=0.7, constant=0.3, log_every=1, sample_every=0, save_every=0)


def scene(size: int, seed: int = 0) -> Source:
    """Nine tiles of random pixels that crops shift and mirror."""
    rng, side = np.random.default_rng(seed), 3 * size
    arrays = [rng.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(2)]
    windows = np.array([(0, y, x) for y in range(0, side, size) for x in range(0, side, size)])
    bounds = np.tile([[0, side, 0, side]], (len(windows), 1))
    return Source("toy", "train", size, arrays[:1], arrays[1:], windows, bounds, jitter=size // 2, flips="hv")


class Doubled:
    """A source in float64. Something is done before the batch of step `at`, on one process of several."""

    shared = True

    def __init__(self, source, at=None, act=None, rank=1):
        self.source, self.at, self.act, self.mine, self.calls = source, at, act, rank == RANK, 0

    def __len__(self):
        return len(self.source)

    def batch(self, indices, generator=None, **share):
        self.calls += 1
        if self.calls == self.at and self.mine:
            self.act()
        batch = self.source.batch(indices, generator, **share)
        return {key: value.double() for key, value in batch.items()}


class Simple(Doubled):
    """One that knows nothing of shares, as a student's."""

    shared = False

    def batch(self, indices, generator=None):
        return super().batch(indices, generator)


def grit(seed=0, **pieces):
    """Noise, a style code that is drawn, spectral norm."""
    torch.manual_seed(seed)
    config = GRITConfig(3, 3, width=4, depth=2, style_dim=2, style="vae", d_width=4, d_layers=1)
    config.d_norm, config.d_spectral, config.gan = "none", True, "lsgan"
    return GRIT(config, **pieces).double()


def pix2pix():
    """Dropout, which needs six halvings."""
    torch.manual_seed(0)
    method = Pix2Pix(Pix2PixConfig(3, 3, width=2, depth=6, norm="instance", dropout=True, d_width=4, d_norm="instance"))
    assert method.stochastic
    return method.double()


def spade(norm="instance"):
    """A random vector for each image, spectral norm, several scales."""
    torch.manual_seed(0)
    config = SpadeConfig(3, 3, 32, width=2, depth=1, start="random", z_dim=3, hidden=4, norm=norm, d_width=4)
    config.perceptual_weight = 0.0
    return Spade(config).double()


def cut():
    """Two sets, patches at random places, a coin."""
    torch.manual_seed(0)
    config = CUTConfig(3, 3, width=4, blocks=1, norm="instance", layers=("rgb", "down1", "res1"), patches=8, dim=4)
    config.d_width, config.flip = 4, True
    return CUT(config).double()


def cases():
    """Name -> method and source. The weights to begin with are the first process'."""
    return {
        "grit": (grit(seed=RANK), Doubled(scene(16))),
        "pix2pix": (pix2pix(), Simple(scene(64))),
        "spade": (spade(), Doubled(scene(32))),
        "cut": (cut(), Doubled(Unpaired(scene(32), scene(32, seed=1)))),
    }


def outcome(run) -> dict:
    """Trained and averaged weights, and the log."""
    return {"trained": run.trained.state_dict(), "averaged": run.method.state_dict(), "log": run.history}


def refused(*args, **kwargs) -> str:
    try:
        fit(*args, **HOW, **kwargs)
    except (ValueError, FloatingPointError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was refused"


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def agree(folder: Path) -> None:
    """Everything in which no process is lost."""
    result = {name: outcome(fit(*case, config=CONFIG, **HOW)) for name, case in cases().items()}
    result["world"] = (torch.distributed.get_world_size(), torch.distributed.get_backend())

    # One process gets Ctrl-C, one clock runs out: all stop at one step.
    half = fit(grit(), Doubled(scene(16), 3, interrupt), folder / "two", config=CONFIG, **HOW)
    result["interrupted"] = (half.step, half.finished)
    time.sleep(0.2 * RANK)
    late = {"steps": 100_000, "batch_size": 2, "minutes": 0.01, "log_every": 50}
    result["limit"] = fit(grit(), Doubled(scene(16)), **late, **HOW).step
    result["resumed"] = outcome(fit(grit(), Doubled(scene(16)), folder / "one", config=CONFIG, resume=True, **HOW))

    def g_loss(out, B, logits, *moments):
        terms = type(method).g_loss(method, out, B, logits, *moments)
        calls.append(1)
        return {**terms, "rec": terms["rec"] * (float("nan") if RANK == 1 and len(calls) == 3 else 1)}

    calls, method = [], grit(g_loss=g_loss)
    result["refused"] = {
        "nan": refused(method, Doubled(scene(16)), steps=8, batch_size=4, log_every=4),
        "odd": refused(grit(), Doubled(scene(16)), steps=1, batch_size=7),
        "sync": refused(spade("sync"), Doubled(scene(32)), steps=1, batch_size=4),
        "apart": refused(grit(), Doubled(scene(16)), folder / f"apart{RANK}", config=CONFIG, resume=True),
    }
    torch.save(result, folder / f"{RANK}.pt")
    torch.distributed.destroy_process_group()


def lose(folder: Path) -> None:
    """The second process is killed in step 5, and has no time to say so."""
    source = Doubled(scene(16), 5, lambda: os.kill(os.getpid(), signal.SIGKILL))
    fit(grit(), source, folder / "lost", config=CONFIG, steps=6, save_every=2, **HOW)


def stop(folder: Path) -> None:
    """The launcher is asked to end, as a queue does it before it takes the machine away."""
    source = Doubled(scene(16), 3, lambda: os.kill(os.getppid(), signal.SIGTERM))
    run = fit(grit(), source, folder / "stopped", config=CONFIG, steps=100_000, **HOW)
    assert not run.finished


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"agree": agree, "lose": lose, "stop": stop}[sys.argv[1]](Path(sys.argv[2]))
