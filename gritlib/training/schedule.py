"""Learning-rate schedule: constant, then linear to zero (pix2pix and CycleGAN)."""


def constant_then_linear(step: int, steps: int, constant: float = 0.5) -> float:
    """Factor on the learning rate at 0-based `step` of `steps`.

    1 during the first `constant` share, then a straight line that would reach 0 one step after the last, so that no
    step is wasted at rate zero (the authors' code had such a last epoch for five years).
    """
    start = constant * steps
    return 1.0 if step < start else (steps - step) / (steps - start)
