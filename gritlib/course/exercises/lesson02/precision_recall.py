"""02.5: precision and recall of a set of generated features (Kynkäänniemi et al. 2019).

Distances are drawn so that none equals a radius: it does not matter whether a point on the rim is inside.
"""

import torch
from torch import Tensor

from gritlib.course.compare import difference, number, returned
from gritlib.course.exercise import Exercise, Mistake, Part


def distances(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def reach(points: Tensor, k: int) -> Tensor:
    """Distance of each point to its k-th nearest other: the nearest of all is itself."""
    return distances(points, points).kthvalue(k + 1, dim=1).values


def inside(points: Tensor, others: Tensor, k: int) -> float:
    """Share of the points that lie within reach of at least one of the others."""
    return float((distances(points, others) <= reach(others, k)).any(1).double().mean())


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    return inside(fake, real, k), inside(real, fake, k)


def precision(inputs, precision_recall):
    answer = precision_recall(inputs["real"], inputs["fake"])
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return {"pair": answer}
    return {"precision": answer[0]}


def recall(inputs, precision_recall):
    answer = precision_recall(inputs["real"], inputs["fake"])
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return {"pair": answer}
    return {"recall": answer[1]}


def both(inputs, precision_recall):
    answer = precision_recall(inputs["real"], inputs["fake"], k=inputs["k"])
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return {"pair": answer}
    return {"precision": answer[0], "recall": answer[1]}


def extremes(inputs, precision_recall):
    real, fake, far = inputs["real"], inputs["fake"], inputs["real"] + 1000
    pairs = {"real, fake": (real, fake), "fake, real": (fake, real), "equal sets": (real, real.clone())}
    found = {}
    for name, pair in {**pairs, "sets far apart": (real, far)}.items():
        answer = precision_recall(*pair)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            return {"pair": answer}
        found[f"precision of {name}"], found[f"recall of {name}"] = answer
    return found


def judge(inputs, got, wanted):
    if "pair" in got:
        return returned(got["pair"], "a pair of numbers: precision, recall")
    said = difference(got, wanted, 1e-6, 1e-9)
    if said is None:
        return None
    said = f"{len(inputs['real'])} real points, {len(inputs['fake'])} fake ones, k = {inputs['k']}: {said}"
    name = next(name for name in wanted if difference(got[name], wanted[name], 1e-6, 1e-9))
    value = number(got[name])
    if value is None:
        return f"{said}\nA share is one number: of all points, how many lie inside?"
    if value == 1:
        return f"{said}\nAll points lie inside: are the radii distances, and those of the nearest points?"
    if value == 0:
        return f"{said}\nNo point lies inside: are the radii far too small?"
    return said if 0 <= value < 1 else f"{said}\nA share lies between 0 and 1."


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def draw_clouds(generator, k=3):
    """Two clouds that overlap in part, of different number, place and width."""
    d = int(torch.randint(2, 5, (), generator=generator))
    n, m = (torch.tensor([100, 60]) + torch.randint(1, 30, (2,), generator=generator)).tolist()
    width = 0.7 + 0.6 * torch.rand((), generator=generator, dtype=torch.float64)
    return {"real": normal(generator, n, d), "fake": width * normal(generator, m, d) + 1.2, "k": k}


def draw_k(generator):
    return draw_clouds(generator, k=(1, 5, 8)[int(torch.randint(3, (), generator=generator))])


def draw_kinds(generator):
    """Reals of four kinds, fakes of the first one or two, and less spread."""
    counts = torch.randint(15, 50, (4,), generator=generator).tolist()
    centres = 30 * torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
    real = [normal(generator, n, 2) + centre for n, centre in zip(counts, centres, strict=True)]
    seen = int(torch.randint(1, 3, (), generator=generator))
    fake = [0.5 * normal(generator, 40, 2) + centre for centre in centres[:seen]]
    return {"real": torch.cat(real), "fake": torch.cat(fake), "k": 3}


def with_inside(share):
    """precision_recall from another share of points inside, a function of points, others, k."""
    return lambda real, fake, k=3: (share(fake, real, k), share(real, fake, k))


def by_matrix(within, k_of=lambda k: k, joined=lambda within: within.any(1).double().mean()):
    """The share from another comparison of (distances, points, others, k)."""
    return with_inside(
        lambda points, others, k: float(joined(within(distances(points, others), points, others, k_of(k))))
    )


def right_matrix(d, points, others, k):
    return d <= reach(others, k)


def across(points, others, k):
    """Distance of each of the others to its k-th nearest among the points."""
    return distances(others, points).kthvalue(k, dim=1).values


def mean_reach(points, k):
    return distances(points, points).sort(dim=1).values[:, 1 : k + 1].mean(1)


def nearest_only(points, others, k):
    d = distances(points, others)
    return float((d.min(1).values <= reach(others, k)[d.argmin(1)]).double().mean())


OTHER_RADIUS = (
    "It looks as if each point's own radius decides. A fake point counts for precision when it lies in the ball around "
    "a real point, so there the radii are those of the real points; for recall those of the fake ones."
)
ONE_RADIUS = (
    "It looks as if one radius is used for all points. Each has its own: small where points are dense, large where "
    "they are rare."
)
SQUARES = "It looks as if distances are compared with squares of distances: take the root of both or of neither."

PRECISION_RECALL = Exercise(
    id="02.5",
    names=("precision_recall",),
    reference=(precision_recall,),
    minutes=15,
    parts=(
        Part(
            "precision: share of fakes inside the ball of at least one real",
            1,
            draw_clouds,
            precision,
            judge,
            "In steps: distances between reals, each real's radius, distances from fakes to reals, who is inside.",
            repeat=3,
        ),
        Part(
            "recall: share of reals inside the ball of at least one fake",
            1,
            draw_clouds,
            recall,
            judge,
            "It is precision with the parts of the two sets exchanged, radii too.",
            repeat=3,
        ),
        Part(
            "both, with another number of neighbours",
            1,
            draw_k,
            both,
            judge,
            "The radius is the distance to the k-th nearest other point of the same set.",
            repeat=3,
        ),
        Part(
            "fakes of some kinds only: high precision, and a recall no higher than the share of these kinds",
            1,
            draw_kinds,
            both,
            judge,
            "Fakes that are all alike lie close together: how large are the balls around them?",
            repeat=3,
        ),
        Part(
            "equal sets 1 and 1, far ones 0 and 0; exchanged sets, exchanged numbers", 0, draw_clouds, extremes, judge
        ),
    ),
    mistakes=(
        Mistake(
            "Precision and recall are exchanged: precision asks of each fake whether it could be real, recall of each "
            "real whether it could have been generated.",
            lambda real, fake, k=3: precision_recall(real, fake, k)[::-1],
        ),
        Mistake(
            "It looks as if both numbers are the same share: for recall the two sets change places.",
            lambda real, fake, k=3: (inside(fake, real, k),) * 2,
        ),
        Mistake(
            "It looks as if a point must lie in the balls of all others: one is enough.",
            by_matrix(right_matrix, joined=lambda within: within.all(1).double().mean()),
        ),
        Mistake(
            "It looks as if each point counts as its own nearest neighbour, at distance 0: then the k-th of them is "
            "the (k − 1)-th other point, and the radius too small. For k = 1 it is 0.",
            by_matrix(right_matrix, lambda k: k - 1),
        ),
        Mistake(
            "It looks as if the radius is the distance to the (k + 1)-th other point, not the k-th: count from which "
            "index, and is the point itself in the list?",
            by_matrix(right_matrix, lambda k: k + 1),
        ),
        Mistake(
            "It looks as if k is always 3: that is only its default.",
            by_matrix(right_matrix, lambda k: 3),
        ),
        Mistake(OTHER_RADIUS, by_matrix(lambda d, points, others, k: d <= reach(points, k)[:, None])),
        Mistake(
            "It looks as if the radii run along the wrong axis of the distances. In cdist(fake, real) a row belongs to "
            "a fake and a column to a real; one radius for each column is what broadcasting adds by itself.",
            by_matrix(lambda d, points, others, k: d <= reach(others, k)[:, None]),
        ),
        Mistake(
            "It looks as if the radius is the distance to the k-th nearest point of the other set. Radii say how dense "
            "a set is by itself: neighbours are points of the same set.",
            by_matrix(lambda d, points, others, k: d <= across(points, others, k)),
        ),
        Mistake(
            "It looks as if the balls are counted, not the points: you give the share of balls with a point inside. "
            "Wanted is the share of points that lie inside some ball. Which axis does `any` run along?",
            by_matrix(right_matrix, joined=lambda within: within.any(0).double().mean()),
        ),
        Mistake(
            "It looks as if all pairs are counted. A point that lies in many balls counts once.",
            by_matrix(right_matrix, joined=lambda within: within.double().mean()),
        ),
        Mistake(
            "It looks as if points are counted: divide by how many there are.",
            by_matrix(right_matrix, joined=lambda within: within.any(1).sum()),
        ),
        Mistake(
            "It looks as if each point is compared with its nearest one only. Another one farther away may have a ball "
            "large enough to hold it.",
            with_inside(nearest_only),
        ),
        Mistake(
            "It looks as if the radius is the mean of the distances to k neighbours: it is the k-th of them alone.",
            by_matrix(lambda d, points, others, k: d <= mean_reach(others, k)),
        ),
        Mistake(SQUARES, by_matrix(lambda d, points, others, k: d <= reach(others, k).square())),
        Mistake(SQUARES, by_matrix(lambda d, points, others, k: d.square() <= reach(others, k))),
        Mistake(ONE_RADIUS, by_matrix(lambda d, points, others, k: d <= reach(others, k).mean())),
    ),
)
