"""Several processes that train one network: `torchrun` or `accelerate launch` starts them, here they agree.

Each has a copy of the networks and its share of a step's images. After every turn they average the gradients, so the
copies stay equal. What is drawn for images is drawn for those of all processes (`nets.draws`, `share`), so a step is to
rounding the step of one process with all images, and a run may be resumed on another number of them. Not equal are,
because each process has its own: CycleGAN's image pools, the bank of CUT's external negatives, batch norm's statistics
on CPUs, terms that are sums over a batch (SPADE's `kl_sum`), and what layers or steps of one's own draw from torch
itself, which is the same in all processes. One process writes: the first.
"""

import contextlib
import sys
from collections.abc import Iterator
from datetime import timedelta

import torch
from torch import Tensor, nn

PATIENCE = timedelta(minutes=10)  # how long a process waits for the others, of whom the first also draws and saves


def connect():
    """The `accelerate.Accelerator` of this process: its number, its device, and the others."""
    from accelerate import Accelerator, InitProcessGroupKwargs

    # Precision stays with torch.autocast: a second Accelerator of another precision would raise.
    return Accelerator(mixed_precision="no", kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])


def check_share(batch_size: int, world: int) -> None:
    """Refuse a step whose images the processes cannot share evenly.

    Raises:
        ValueError: naming the nearest numbers of images that they can.
    """
    if batch_size % world:
        below = batch_size // world * world
        near = " or ".join(str(n) for n in (below, below + world) if n)
        raise ValueError(
            f"batch_size is {batch_size}: {world} processes share the images of a step evenly, give {near}"
        )


def share(source, indices: list[int], generator: torch.Generator, rank: int, world: int) -> dict[str, Tensor]:
    """This process' images of a batch, each as it is in the whole batch. A source of one's own, which does not know
    shares, makes the whole batch."""
    if world == 1:
        return source.batch(indices, generator)
    if getattr(source, "shared", False):
        return source.batch(indices, generator, share=(rank, world))
    return {key: value[rank::world] for key, value in source.batch(indices, generator).items()}


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Say in words that another process is gone, on standard error and by an error.

    Raises:
        ConnectionError: for torch's RuntimeError of a connection that closed or was silent for `PATIENCE`.
    """
    try:
        yield
    except RuntimeError as error:
        lost = (
            f"another process of this run has ended, or did not answer for {PATIENCE.seconds // 60} minutes. What was "
            f"done since the last checkpoint is lost: start again with --resume (fit: resume=True), on as many "
            f"processes as there are now"
        )
        # At once: a launcher that misses a process ends the others, too.
        print(f"error: {lost}", file=sys.stderr, flush=True)
        raise ConnectionError(lost) from error


def average_gradients(params: list[Tensor], world: int) -> None:
    """Mean of one player's gradients over all processes, in one message. The networks stay plain modules: wrapping them
    for distributed training breaks on GAN steps (several forwards, frozen players)."""
    grads = [p.grad for p in params if p.grad is not None]
    if world == 1 or not grads:
        return
    flat = mean(torch.cat([g.flatten() for g in grads]), world)
    for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        g.copy_(part.view_as(g))


def mean(values: Tensor, world: int) -> Tensor:
    """Mean over all processes, in place."""
    if world > 1:
        with answered():
            torch.distributed.all_reduce(values)
        values /= world
    return values


def anyone(wish: bool, device: torch.device) -> bool:
    """Does at least one process wish it?"""
    flag = torch.tensor(float(wish), device=device)
    with answered():
        torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
        return bool(flag)


def begin_alike(method: nn.Module, world: int) -> None:
    """Give all processes the first one's weights: whoever did not seed before building has others in each."""
    if world > 1:
        with answered():
            for value in method.state_dict().values():
                torch.distributed.broadcast(value, 0)


def check_start(start: int, world: int, device: torch.device) -> None:
    """Refuse to begin at different steps.

    Raises:
        ValueError: the run folder is not the same for all processes.
    """
    if world > 1:
        ends = torch.tensor([start, -start], device=device)
        with answered():
            torch.distributed.all_reduce(ends, torch.distributed.ReduceOp.MAX)
        last, first = ends.tolist()
        if last != -first:
            raise ValueError(
                f"processes would go on from step {-first} and from step {last}: the run folder must lie on a disk "
                f"that all machines share"
            )


def share_statistics(method: nn.Module, device: torch.device, world: int) -> None:
    """Batch norm over the images of all processes, on GPUs; its keys and weights stay. No GPU has run this.

    Raises:
        ValueError: norm "sync" on CPUs, where torch cannot do it.
    """
    if world > 1 and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(method)
    elif world > 1 and any(isinstance(module, nn.SyncBatchNorm) for module in method.modules()):
        raise ValueError(f'norm "sync" shares its statistics between GPUs, not on {device.type}: choose instance')


def own_statistics(net: nn.Module) -> nn.Module:
    """Undo `share_statistics` in place, for a copy that one process uses without the others."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.SyncBatchNorm):
                own = nn.BatchNorm2d(child.num_features, child.eps, child.momentum, child.affine)
                own.to(child.running_mean).load_state_dict(child.state_dict())
                setattr(module, name, own.train(child.training))
    return net


def leave() -> None:
    """Take leave of the other processes, at the end of a program."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
