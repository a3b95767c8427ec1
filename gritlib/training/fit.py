"""The one training loop. Everything the methods differ in stands in their `turns`; everything they share stands here:
devices and precision, seeding, the schedule, averaged weights, the log, sample pictures, checkpoints, interruption.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from gritlib import __version__
from gritlib.losses import total
from gritlib.methods import Method
from gritlib.nets import draws
from gritlib.nets.recompute import recompute
from gritlib.training import board, checkpoint, keep, processes, speed
from gritlib.training.config import Run, TrainConfig, check
from gritlib.training.device import best_precision, deferred_interrupt, mix, peak_memory, step_indices
from gritlib.training.ema import EMA
from gritlib.training.samples import sample_grid
from gritlib.training.schedule import constant_then_linear

SHOWN = 6  # examples in a sample picture
AGREE = 10  # steps after which several processes ask each other whether to stop
FINISH_BATCHES = 64  # training batches from which `Method.finish` takes its statistics


def fit(
    method: Method,
    source,
    out: str | Path | None = None,
    *,
    config: TrainConfig | None = None,
    step: Callable[[Method, dict[str, Tensor], dict[str, torch.optim.Optimizer]], dict[str, Tensor]] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    preview=None,
    score: Callable[[Method], float] | None = None,
    progress: bool = True,
    **overrides,
) -> Run:
    """Train a method on a source.

    Args:
        method: networks and turns; moved to the device, trained in place.
        source: `len(source)` and `source.batch(indices, generator) -> dict of tensors` (A, B, maybe label).
        out: run folder for log.jsonl, samples/ and checkpoint.pt; None writes nothing.
        config: a `TrainConfig`; `overrides` replace single fields of it, for example `steps=300`.
        step: a student's own `train_step(method, batch, optimizers) -> named losses`, called instead of `turns`. It
            gets plain tensors, modules and torch optimizers (one a player), all on one device, in float32, and does
            its own backward and step.
        resume: go on from `out`/checkpoint.pt if it is there. On the CPU, with the same number of threads and the same
            instruction set, the weights are bit for bit those of an uninterrupted run.
        overwrite: start anew although `out` holds a run; without it and without `resume` that is refused.
        preview: source whose first crops are drawn in the sample pictures; None takes the training source.
        score: for `keep_best`, method with averaged weights -> number; `evaluation.scorer.scorer` makes one.
        progress: show a progress bar.

    Returns:
        Run. Ctrl-C finishes the step, saves and returns with `finished=False`; a second Ctrl-C interrupts at once.

    Raises:
        ConnectionError: another of several processes is gone (`processes`).
        FloatingPointError: a loss stopped being finite; says which, when, and where the last good checkpoint is.
        ValueError: a setting that cannot work, a set without pairs for a method that needs them, or resuming a run
            with another configuration.
        FileExistsError: `out` holds a run already.
    """
    config = replace(config or TrainConfig(), **overrides)
    check(config, source)
    if not (method.view or getattr(source, "paired", True)):
        raise ValueError(f"{method.name} learns from pairs, and this set of {source.name} has none: load it paired")
    out = Path(out) if out is not None else None
    keep.check(config, out, score)
    board.check(config.tensorboard, out)
    trainer = Trainer(method, source, config, out, preview, score)
    if out is not None and keep.holds_run(out):
        if resume:
            trainer.resume()
        elif not overwrite:
            raise FileExistsError(
                f"{out} already holds a run: resume it (resume=True, --resume), overwrite it (overwrite=True, "
                f"--overwrite), or choose another folder"
            )
    if out is not None and trainer.rank == 0 and trainer.start == 0:
        keep.clear(out)
    deferred = deferred_interrupt(terminate=out is not None)
    with torch.random.fork_rng(), speed.trying_algorithms(trainer.device), deferred as interrupted:
        return trainer.run(step, progress, interrupted)


class Trainer:
    """State of one `fit`: device, optimisers, average, log."""

    def __init__(self, method: Method, source, config: TrainConfig, out: Path | None, preview, score=None):
        self.accelerator = processes.connect()
        self.device = self.accelerator.device if config.device == "auto" else torch.device("cpu")
        self.precision = config.precision if config.precision != "auto" else best_precision(self.device)
        self.rank, self.world = self.accelerator.process_index, self.accelerator.num_processes
        self.layout = speed.layout(self.device)
        method = method.to(self.device, memory_format=self.layout)
        self.method, self.source, self.config, self.out = method, source, config, out
        self.preview = preview or source
        processes.check_share(config.batch_size, self.world)
        processes.share_statistics(method, self.device, self.world)
        processes.begin_alike(method, self.world)
        recompute(method, config.recompute)
        if config.compile:
            speed.compile_networks(method)
        self.params, self.optimizers = {}, {}
        for name, player in method.players.items():
            self.params[name] = [p for net in player.nets for p in getattr(method, net).parameters()]
            self.optimizers[name] = torch.optim.Adam(self.params[name], player.lr, player.betas, fused=True)
        averaged = tuple(net for player in method.players.values() if player.ema for net in player.nets)
        self.ema = EMA(method, averaged, config.ema)
        self.start, self.history, self.pending, self.saved = 0, [], [], None
        self.unfinished: list[tuple[str, int, float]] = []  # losses in a line that a stop cut short: name, step, value
        self.keeper = keep.Keeper(config, out, score)
        self.board = board.Board(out if self.rank == 0 else None, config.tensorboard)

    def run(self, student_step, progress: bool, interrupted: threading.Event) -> Run:
        from tqdm.auto import tqdm

        c, began, spent = self.config, time.perf_counter(), 0.0
        if student_step is not None:
            self.precision = "fp32"
        if progress and self.rank == 0:
            parameters = sum(p.numel() for params in self.params.values() for p in params)
            board.announce(self.method.name, parameters, self.device, self.precision, self.world)
        processes.check_start(self.start, self.world, self.device)
        self.method.train()
        step, stop, twin = self.start, False, None
        bar = tqdm(total=c.steps, initial=self.start, disable=not progress or self.rank > 0, unit="step")
        self.board.begin(self.history, step)
        with bar, contextlib.closing(self.board):
            while step < c.steps and not stop:
                tick = time.perf_counter()
                with draws.shared(self.rank, self.world):
                    terms = self.one_step(step, student_step)
                self.ema.update(self.method, step)
                self.pending.append((step, terms))
                step += 1
                bar.update()
                stop = self.stopping(step, interrupted, began)
                last = stop or step == c.steps
                whole = self.regular(step) or self.due(step, c.log_every)
                if last or whole:
                    self.flush(bar, whole)  # waits for the device
                spent += time.perf_counter() - tick

                sampling, saving = last or self.due(step, c.sample_every), last or self.regular(step)
                needed = self.out and self.rank == 0 and (sampling or saving)
                twin = self.averaged() if last or needed else None
                if needed and self.regular(step):
                    self.keeper.judge(twin, self.history[-1])
                if last or whole:
                    self.board.line(self.history, c.batch_size, spent, self.optimizers, self.keeper.best)
                if self.out and saving:
                    self.save(step, twin)
                if self.out and sampling:
                    self.sample(step, twin)
        averaged = twin if twin is not None else self.averaged()
        return Run(
            method=averaged,
            trained=self.method.eval(),
            history=self.history,
            step=step,
            finished=step >= c.steps,
            steps_per_second=(step - self.start) / spent if spent else 0.0,
            images_per_second=(step - self.start) * c.batch_size / spent if spent else 0.0,
            seconds=time.perf_counter() - began,
            peak_mib=peak_memory(self.device),
            out=self.out,
            best=self.keeper.best,
        )

    def stopping(self, step: int, interrupted: threading.Event, began: float) -> bool:
        """Ctrl-C or the time limit; several processes agree on it, or they would wait for each other for ever."""
        minutes = self.config.minutes
        wish = interrupted.is_set() or (minutes is not None and time.perf_counter() - began > 60 * minutes)
        if self.world == 1:
            return wish
        return self.due(step, min(AGREE, self.config.log_every)) and processes.anyone(wish, self.device)

    def one_step(self, step: int, student_step) -> dict[str, Tensor]:
        """Seed, batch, and every player's turn."""
        c = self.config
        torch.manual_seed(mix(c.seed, step, 0))  # of all processes
        factor = constant_then_linear(step, c.steps, c.constant)
        for name, player in self.method.players.items():
            for group in self.optimizers[name].param_groups:
                group["lr"] = player.lr * factor
        batch = self.batch(step)
        if student_step is not None:
            terms = student_step(self.method, batch, self.optimizers)
            if not terms:
                raise ValueError(
                    "the step returned no losses: return a dict of named losses, for example {'D': ..., 'G': ...}"
                )
            return {key: torch.as_tensor(value, device=self.device).detach() for key, value in terms.items()}

        seen = {}
        for player, terms in self.autocast(self.method.turns(batch, step)):
            self.accelerator.backward(total(terms), inputs=self.params[player])
            processes.average_gradients(self.params[player], self.world)
            self.optimizers[player].step()
            self.optimizers[player].zero_grad()
            seen |= {key: term.detach() for key, term in terms.items()}
        return seen

    def autocast(self, turns: Iterator) -> Iterator:
        """Resume the method's generator under autocast; the loop body between two turns runs outside it."""
        while True:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
                turn = next(turns, None)
            if turn is None:
                return
            yield turn

    def batch(self, step: int, whole: bool = False) -> dict[str, Tensor]:
        """This process' share of a step's images, or all of them."""
        c = self.config
        indices = step_indices(len(self.source), c.batch_size, c.seed, step)
        # Another stream than the step's own seed, or crops and noise would be drawn from the same numbers.
        generator = torch.Generator().manual_seed(mix(c.seed, step, 0, 1))
        rank, world = (0, 1) if whole else (self.rank, self.world)
        batch = processes.share(self.source, indices, generator, rank, world)
        return {key: speed.place(value, self.device, self.layout) for key, value in batch.items()}

    def due(self, step: int, every: int) -> bool:
        return every > 0 and step % every == 0

    def regular(self, step: int) -> bool:
        """Does a run save here that nothing stops?"""
        return step == self.config.steps or self.due(step, self.config.save_every)

    def flush(self, bar, whole: bool = True) -> None:
        """Read the pending losses from the device, check them, log their means. A line that is not `whole` ends with a
        stop: a resumed run takes its losses up again."""
        if not self.pending:
            return
        values: dict[str, list[float]] = {}
        # One transfer for all steps since the last reading.
        stacked = torch.stack([term.float() for _, terms in self.pending for term in terms.values()])
        stacked = processes.mean(stacked, self.world).tolist()
        names = [(k, step) for step, terms in self.pending for k in terms]
        for (name, step), value in zip(names, stacked, strict=True):
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"loss {name} is {value} at step {step + 1}; {self.last_good()}. "
                    f"Try a smaller learning rate or precision='fp32'."
                )
            values.setdefault(name, []).append(value)
        means = {name: round(sum(v) / len(v), 5) for name, v in values.items()}
        self.history.append({"step": self.pending[-1][0] + 1, **means})
        self.pending = []
        self.unfinished = [] if whole else [(*name, value) for name, value in zip(names, stacked, strict=True)]
        bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()})

    def last_good(self) -> str:
        return f"the last good checkpoint is {self.saved}" if self.saved else "no checkpoint was saved before it"

    def sample(self, step: int, averaged: Method) -> None:
        """A grid of inputs, outputs and truths with the averaged weights."""
        if self.rank == 0:
            shown = torch.linspace(0, len(self.preview) - 1, min(SHOWN, len(self.preview))).long().tolist()
            self.board.sample(sample_grid(averaged, self.preview, shown), step)

    def averaged(self) -> Method:
        """A copy with the averaged weights, and the statistics that `Method.finish` takes from training batches."""
        twin = self.ema.averaged(self.method)
        if self.world > 1:
            processes.own_statistics(twin)
        count = min(FINISH_BATCHES, -(-len(self.source) // self.config.batch_size))
        twin.finish(self.batch(self.config.steps + i, whole=True) for i in range(count))
        return twin

    def save(self, step: int, averaged: Method) -> None:
        state = self.method.state_dict()
        bad = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
        if bad:
            raise FloatingPointError(f"weights {bad[0]} are not finite after step {step}; {self.last_good()}")
        if self.rank > 0:  # what is not finite stopped all of them
            return
        differs = {k: v for k, v in averaged.state_dict().items() if not torch.equal(v, state[k])}
        content = {
            "method": self.method.name,
            "config": asdict(self.method.config),
            "training": asdict(self.config),
            "source": checkpoint.described(self.source),
            "step": step,
            "state": state,
            "averaged": differs,
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "history": self.history[:-1] if self.unfinished else self.history,
            "unfinished": self.unfinished,
            "best": self.keeper.best,
            "versions": {"gritlib": __version__, "torch": str(torch.__version__), "precision": self.precision},
        }
        self.saved = checkpoint.save(content, self.out / "checkpoint.pt")
        self.keeper.after(step, self.regular(step))

    def resume(self) -> None:
        content = checkpoint.read(self.out)
        mine = {"method": self.method.name, "config": asdict(self.method.config), "training": asdict(self.config)}
        checkpoint.check_same(content, {**mine, "source": checkpoint.described(self.source)}, self.out)
        self.method.load_state_dict(content["state"])
        self.ema.load_state_dict({**content["state"], **content["averaged"]})
        for name, state in content["optimizers"].items():
            self.optimizers[name].load_state_dict(state)
            speed.follow_weights(self.optimizers[name])
        self.start, self.history, self.saved = content["step"], content["history"], self.out / "checkpoint.pt"
        self.pending = checkpoint.taken_up(content, self.device)
        if self.rank == 0:
            self.keeper.resume(content, self.regular(self.start))
