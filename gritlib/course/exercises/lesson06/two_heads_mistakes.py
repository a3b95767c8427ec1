"""Common first tries at 06.4, as variations of a right answer, for the public exercise and for a class's."""

from collections.abc import Callable

import torch
from torch import Tensor

from gritlib.course.exercise import Mistake
from gritlib.nets import Output

PUBLIC = 1.0  # how many times the residual counts


def apart(h: Tensor, rec: Callable, res: Callable, s: float) -> Output:
    """A right answer, the residual counted s times."""
    reconstruction, residual = rec(h), res(h)
    return Output(reconstruction + s * residual, reconstruction, residual)


def as_it_is(x):
    return x


def clamped(x):
    return x.clamp(-1, 1)


def clamped_to_one(x):
    return x.clamp(0, 1)


SQUASHES = (torch.tanh, clamped, torch.sigmoid, clamped_to_one)
SUM_SQUASHED = (
    "It looks as if a tanh, sigmoid or clamp acts on the sum. Where it saturates no gradient passes, so neither head "
    "would learn from D there: the sum stays as it is, and only a display clamps."
)
PART_SQUASHED = (
    "It looks as if a tanh, sigmoid or clamp acts on a part: both heads are linear, and a residual must be able to "
    "darken as well as to brighten."
)
SHIELDED = (
    "It looks as if the reconstruction is detached inside the sum. Then D's judgement reaches the residual alone: a "
    "variant, not GRIT, whose equation has no stop-gradient."
)
REC_DETACHED = "It looks as if the reconstruction is detached: then its head never learns, from no loss at all."
RES_DETACHED = "It looks as if the residual is detached: D is the only one that teaches it, and no longer can."
FEATURES_DETACHED = (
    "It looks as if a head sees detached features: then its loss teaches the head, but not the decoder below."
)
TWICE = "It looks as if the same head is used twice: rec makes the reconstruction, res the residual."
ORDER = (
    "It looks as if the parts stand in another order: Output's fields are image, reconstruction, residual. With their "
    "names, Output(image=…), no order can be wrong."
)
LEFT_OVER = (
    "It looks as if res makes the image, and the residual is what is left of it without the reconstruction. Both heads "
    "make parts; the image is made of them."
)


def mistakes(s: float) -> tuple[Mistake, ...]:
    """What is said in a class whose residual counts s times."""

    def remade(message: str, **fields) -> Mistake:
        """Fields of Output made anew, each by a function of reconstruction and residual."""

        def two_heads(h, rec, res):
            _, a, b = right = apart(h, rec, res, s)
            return right._replace(**{name: make(a, b) for name, make in fields.items()})

        return Mistake(message, two_heads)

    def around(message: str, of_rec=as_it_is, of_res=as_it_is, see_rec=as_it_is, see_res=as_it_is) -> Mistake:
        """Something that acts on what a head makes, or on what it sees."""

        def two_heads(h, rec, res):
            return apart(h, lambda x: of_rec(rec(see_rec(x))), lambda x: of_res(res(see_res(x))), s)

        return Mistake(message, two_heads)

    known = (
        *(remade(SUM_SQUASHED, image=lambda a, b, f=f: f(a + s * b)) for f in SQUASHES),
        *(around(PART_SQUASHED, of_rec=f, of_res=f) for f in SQUASHES),
        *(around(PART_SQUASHED, of_rec=f) for f in SQUASHES),
        *(around(PART_SQUASHED, of_res=f) for f in (*SQUASHES, torch.relu)),
        around(PART_SQUASHED, of_rec=torch.tanh, of_res=torch.sigmoid),
        remade(SHIELDED, image=lambda a, b: a.detach() + s * b),
        around(REC_DETACHED, of_rec=Tensor.detach),
        remade(REC_DETACHED, reconstruction=lambda a, b: a.detach()),
        remade(RES_DETACHED, image=lambda a, b: a + s * b.detach()),
        around(RES_DETACHED, of_res=Tensor.detach),
        around(FEATURES_DETACHED, see_rec=Tensor.detach),
        around(FEATURES_DETACHED, see_res=Tensor.detach),
        around(FEATURES_DETACHED, see_rec=Tensor.detach, see_res=Tensor.detach),
        Mistake(TWICE, lambda h, rec, res: apart(h, rec, rec, s)),
        Mistake(TWICE, lambda h, rec, res: apart(h, res, res, s)),
        Mistake(
            "It looks as if reconstruction and residual are exchanged: rec makes the one, res the other, and Output's "
            "fields are image, reconstruction, residual.",
            lambda h, rec, res: apart(h, res, rec, s),
        ),
        remade(ORDER, image=lambda a, b: a, reconstruction=lambda a, b: b, residual=lambda a, b: a + s * b),
        remade(
            "It looks as if the image is the mean of the two parts: it is their sum.",
            image=lambda a, b: (a + s * b) / 2,
        ),
        remade("It looks as if the residual is taken away: it is added.", image=lambda a, b: a - s * b),
        remade("It looks as if the image is the reconstruction alone.", image=lambda a, b: a),
        remade(
            "It looks as if the image is the residual alone: it is what is added to the reconstruction.",
            image=lambda a, b: b,
        ),
        remade(LEFT_OVER, image=lambda a, b: b, residual=lambda a, b: b - a),
    )
    if s == PUBLIC:
        return known
    return (
        Mistake(
            "This is the public version, the plain sum. In your class the image is the reconstruction plus "
            f"{s:g} times the residual: see the last sentence of the docstring.",
            lambda h, rec, res: apart(h, rec, res, PUBLIC),
        ),
        remade(
            "It looks as if the residual is returned scaled: Output's residual is what res made; only the image has "
            f"{s:g} times of it.",
            residual=lambda a, b: s * b,
        ),
        remade(
            f"It looks as if the reconstruction is taken {s:g} times: it is the residual that is.",
            image=lambda a, b: s * a + b,
        ),
        remade(
            f"It looks as if the whole sum is taken {s:g} times: it is the residual alone.",
            image=lambda a, b: s * (a + b),
        ),
        *known,
    )
