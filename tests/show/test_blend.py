"""The slider between two networks: its ends are the networks, its scores those of the blend, and what lies beyond is
said."""

import pytest
import torch

from gritlib.interpolation import blend
from gritlib.methods import build
from gritlib.metrics import high_frequency_gap, l1_255
from gritlib.show.blend import Blend


def small(seed: int, name: str = "grit", **options):
    torch.manual_seed(seed)
    own = {"grit": {"width": 4, "depth": 2, "d_width": 4}, "cyclegan": {"width": 4, "blocks": 1, "d_width": 4}}[name]
    return build(name, {"in_channels": 3, "out_channels": 3, **own, **options}).eval()


@pytest.fixture
def A():
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_slider_shows_the_blend_and_its_scores(A):
    a, b, truth = small(0), small(1), 0.5 * A
    widget = Blend(a, b, A, truth, names=("L1", "GAN"), noise=3)
    for alpha in (0.5, 0.2, 0.0, 1.0):
        widget.alpha.value = alpha
        wanted = blend(a, b, alpha).translate(A, noise=3).image.clamp(-1, 1)
        assert torch.equal(widget.image, wanted)
        l1, gap = l1_255(wanted, truth).mean().item(), high_frequency_gap(wanted, truth)
        assert f"alpha {alpha:g}: L1 {l1:.1f}, spectrum gap {gap:+.2f}; GAN: L1" in widget.told.value
        assert f'alt="Place 0. From the left: L1, alpha {alpha:g}, GAN, truth."' in widget.picture.value
    assert torch.equal(widget.image, b.translate(A, noise=3).image.clamp(-1, 1))


def test_the_place_follows_its_slider_and_a_blend_is_made_once(A, monkeypatch):
    made = []
    monkeypatch.setattr("gritlib.show.blend.blend", lambda *given: made.append(given[2]) or blend(*given))
    widget = Blend(small(0), small(1), A)
    first = widget.picture.value
    widget.place.value = 2
    assert (
        'alt="Place 2.' in widget.picture.value and widget.picture.value.split("base64")[1] != first.split("base64")[1]
    )
    widget.place.value, widget.alpha.value = 0, 0.25
    widget.alpha.value = 0.5
    assert widget.picture.value == first and sorted(made) == [0.0, 0.25, 0.5, 1.0]
    assert widget.told.value == "", "no truth, no scores"


@pytest.mark.filterwarnings("error")
def test_beyond_the_networks_a_note_says_so(A):
    widget = Blend(small(0), small(1), A, beyond=0.5)
    assert (widget.alpha.min, widget.alpha.max) == (-0.5, 1.5) and "beyond" not in widget.told.value
    for alpha in (-0.25, 1.5):
        widget.alpha.value = alpha
        assert f"Alpha {alpha:g} lies beyond the networks" in widget.told.value
    assert (Blend(small(0), small(1), A).alpha.min, Blend(small(0), small(1), A).alpha.max) == (0, 1)


def test_batch_norm_takes_its_batches_at_every_step(A):
    a, b = (small(seed, "cyclegan", norm="batch") for seed in (0, 1))
    batches = [{"A": torch.randn(4, 3, 16, 16), "B": torch.randn(4, 3, 16, 16)} for _ in range(2)]
    widget = Blend(a, b, A, batches=iter(batches))
    for alpha in (0.5, 0.3):
        widget.alpha.value = alpha
        assert torch.equal(widget.image, blend(a, b, alpha, batches).translate(A).image.clamp(-1, 1))
    with pytest.raises(ValueError, match="batch norm"):
        Blend(a, b, A)


def test_inputs_that_do_not_fit_are_refused(A):
    with pytest.raises(ValueError, match=r"inputs of shape \(3, 16, 16\)"):
        Blend(small(0), small(1), A[0])
    with pytest.raises(ValueError, match="truths 2"):
        Blend(small(0), small(1), A, A[:2])
    with pytest.raises(ValueError, match="has shape"):
        Blend(small(0), small(1, width=6), A)


def test_the_widget_shows_itself_in_a_notebook(A, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    widget = Blend(small(0), small(1), A)
    widget._ipython_display_()
    assert shown == [widget.box] and widget.box.children == (widget.alpha, widget.place, widget.picture, widget.told)
    alone = Blend(small(0), small(1), A[:1])
    assert alone.box.children == (alone.alpha, alone.picture, alone.told)
