"""The two-dimensional laboratory drawn: which point went where, and which came back. Lesson 03."""

from collections.abc import Mapping

from torch import Tensor

from gritlib.clouds import GROUPS, Result, known
from gritlib.show.figures import blank, check_alt, present

# Of Okabe and Ito's palette the three that differ most in lightness; markers tell the two sides apart.
COLOURS = ("#0072B2", "#E69F00", "#000000")
MARKERS = ("v", "^")
PARTS = ("left", "middle", "right")
ROWS = ("G(x) over Y", "F(G(x)) over X, enlarged", "G(F(y)) over Y")


def parts_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """For points of X, (n, 2): the part they lie in, 0 to 2 from left to right, and the side, 0 below and 1 above."""
    centres = [centre for centre, _ in GROUPS]
    left, right = (centres[0] + centres[1]) / 2, (centres[1] + centres[2]) / 2
    return (x[:, 0] > left).long() + (x[:, 0] > right).long(), (x[:, 1] > 0).long()


def draw_clouds(results: Mapping[str, Result], shot: int = -1):
    """The figure behind `clouds`."""
    if not results:
        raise ValueError("no result: give at least one name with what `train` returned")
    truths = {result.truth for result in results.values()}
    if len(truths) > 1:
        raise ValueError(f"results of {len(truths)} different truths: one figure shows one")
    truth = truths.pop()
    right = known(truth)["perfect"].history[-1]
    views = {"truth": right} | {name: result.history[shot] for name, result in results.items()}
    figure = blank(max(1.55 * len(views) + 0.5, 5.6), 5.6)
    grid = figure.subplots(3, len(views), sharex="row", sharey="row", squeeze=False)
    for column, (name, view) in enumerate(views.items()):
        # Colour and marker say where a point began: x itself, and for y its true partner.
        begun = (view.x, view.x, truth.back(view.y))
        for axes, cloud, ends, start in zip(
            grid[:, column], (view.y, view.x, view.y), (view.gx, view.fgx, view.gfy), begun, strict=True
        ):
            axes.scatter(*cloud.T.numpy(), s=4, color="0.75", linewidths=0)
            third, side = parts_of(start)
            for part, colour in enumerate(COLOURS):
                for half, marker in enumerate(MARKERS):
                    points = ends[(third == part) & (side == half)].T.numpy()
                    axes.scatter(*points, s=11, color=colour, marker=marker, linewidths=0, alpha=0.75)
            axes.tick_params(labelsize=7, length=2)
        trained = name in results and len(results[name].history) > 1
        grid[0, column].set_title(f"{name}, step {view.step}" if trained else name, fontsize=9)
    for axes, label in zip(grid[:, 0], ROWS, strict=True):
        axes.set_ylabel(label, fontsize=9)
    names = [f"{part}, {side}" for part in PARTS for side in ("below", "above")]
    keys = [
        grid[0, 0].scatter([], [], s=18, color=colour, marker=marker, label=names[2 * i + j])
        for i, colour in enumerate(COLOURS)
        for j, marker in enumerate(MARKERS)
    ]
    title = "colour and marker: where in X a point began or has its partner; grey: the real cloud"
    options = {"fontsize": 8, "title_fontsize": 8, "frameon": False, "handletextpad": 0.1}
    figure.legend(handles=keys, loc="lower center", ncol=6 if len(views) > 4 else 3, title=title, **options)
    figure.tight_layout(rect=(0, 0.09 if len(views) > 4 else 0.12, 1, 1), w_pad=0.3)
    return figure


def clouds(results: Mapping[str, Result], *, alt: str, shot: int = -1) -> None:
    """A column for the truth and one for each result: G(x) over the cloud Y, F(G(x)) over X and G(F(y)) over Y.

    Colour and marker follow a point: the part and the side of X where it began, or where its true partner lies. In a
    map that is right, and wherever a cycle closes, a column looks like the first.

    Args:
        results: name -> what `gritlib.clouds.train` or `known` returned. alt: the description in words. shot: which of
            the `views` of a training; by default the last.

    Raises:
        ValueError: no result, results of different truths, no description.
    """
    check_alt(alt)
    present(draw_clouds(results, shot), alt)


def score_table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """Scores of `gritlib.clouds.measure` as lines of text, a name each. ValueError: no scores."""
    if not scores:
        raise ValueError("no scores: give at least one name with what `measure` returned")
    keys = list(next(iter(scores.values())))
    wide = max(map(len, scores))
    lines = [" " * wide + "".join(f"{key:>9}" for key in keys)]
    lines += [f"{name:{wide}}" + "".join(f"{row[key]:9.3f}" for key in keys) for name, row in scores.items()]
    return "\n".join(lines)
