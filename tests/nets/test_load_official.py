"""`load_official` and `to_official`: the authors' checkpoints in, our networks out, and back.

The files in the folder that GRITLIB_OFFICIAL_FIXTURES names, or in shared/data/official_fixtures beside the repository,
were made by the authors' own code with random weights: state, x, y_train, y_eval. They are not part of the repository.
"""

import os
import tarfile
from pathlib import Path

import pytest
import torch
from torch import nn

from gritlib.nets import Concat, SPADEGenerator, UNet, load_official, official, to_official
from gritlib.nets.official import NAMES

FIXTURES = Path(
    os.environ.get("GRITLIB_OFFICIAL_FIXTURES") or Path(__file__).parents[3] / "shared" / "data" / "official_fixtures"
)
SMALL = {
    "pix2pix_unet_256": {"width": 1},
    "pix2pix_unet_128": {"width": 1},
    **{name: {"width": 2} for name in NAMES if name.startswith(("patchgan", "resnet"))},
    "cut_generator": {"width": 2, "blocks": 2},
    "cut_discriminator": {"width": 2},
    "cut_patch_sampler": {"channels": (2, 3), "dim": 4},
    "spade_generator": {"width": 2, "labels": 3, "hidden": 5},
    "spade_discriminator": {"width": 2, "in_channels": 5},
    "spade_encoder": {"width": 2, "z_dim": 3, "size": 32},
    "pix2pixhd_global": {"width": 2, "in_channels": 4, "blocks": 2},
}


def lively(name: str, **sizes) -> nn.Module:
    """The network of that name in small, with no two tensors alike, statistics and counters included."""
    net = official(name, **{**SMALL[name], **sizes})
    for key, tensor in net.state_dict().items():
        if key.endswith("num_batches_tracked"):
            tensor.fill_(7)
        else:
            tensor.copy_(torch.randn(tensor.shape).abs() + 0.1)
    return net


def saved(name: str, **sizes) -> dict:
    return {key: tensor.clone() for key, tensor in to_official(lively(name, **sizes)).items()}


def equal(net: nn.Module, other: nn.Module) -> bool:
    a, b = net.state_dict(), other.state_dict()
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) and a[key].dtype == b[key].dtype for key in a)


def test_every_name_is_tried():
    assert set(SMALL) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_survives_the_way_to_the_authors_names_and_back(name):
    net = lively(name)
    state = to_official(net)
    before = {key: tensor.clone() for key, tensor in state.items()}
    loaded = load_official(name, state, **SMALL[name])
    assert type(loaded) is type(net) and equal(loaded, net) and not equal(loaded, official(name, **SMALL[name]))
    assert loaded.training and all(p.requires_grad for p in loaded.parameters())
    for tensor in loaded.state_dict().values():
        tensor.zero_()
    assert list(state) == list(before) and all(torch.equal(state[key], before[key]) for key in before), "own memory"


@pytest.mark.parametrize(
    "name, sizes",
    [
        ("resnet_6blocks", {"dropout": True, "norm": "batch"}),
        ("pix2pix_unet_128", {"norm": "instance", "in_channels": 1}),
        ("patchgan_70", {"n_layers": 2, "norm": "instance"}),
        ("cut_discriminator", {"norm": "batch"}),
        ("spade_generator", {"variant": "most", "norm": "instance"}),
        ("spade_generator", {"start": "style", "size": 64, "z_dim": 4}),
        ("spade_discriminator", {"scales": 3, "norm": "batch"}),
        ("pix2pixhd_global", {"norm": "sync", "downs": 1, "spectral": True}),
    ],
)
def test_sizes_other_than_the_papers_go_there_and_back_too(name, sizes):
    net = lively(name, **sizes)
    assert equal(load_official(name, to_official(net), **{**SMALL[name], **sizes}), net)


def test_layers_are_numbered_as_the_authors_number_them():
    names = list(to_official(lively("resnet_6blocks", dropout=True)))
    assert "model.10.conv_block.6.weight" in names, "dropout moves the second convolution of a block from 5 to 6"
    names = list(to_official(lively("spade_discriminator", norm="batch")))
    assert "discriminator_1.model1.0.1.running_var" in names and "discriminator_1.model3.0.0.weight_orig" in names
    names = list(to_official(lively("spade_generator", variant="most")))
    assert "up_4.norm_s.mlp_shared.0.weight" in names


def test_loading_draws_no_random_numbers():
    state = saved("spade_discriminator")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load_official("spade_discriminator", state, **SMALL["spade_discriminator"])
    assert torch.equal(torch.get_rng_state(), before)


# The authors' own files.


def authors(file: str) -> dict:
    path = FIXTURES / f"{file}.pt"
    if not path.exists():
        pytest.skip(f"no {path.name}: set GRITLIB_OFFICIAL_FIXTURES to the folder of the authors' small checkpoints")
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    "file, name, sizes",
    [
        ("pix2pix_unet_128_width4", "pix2pix_unet_128", {"width": 4, "dropout": False}),
        ("patchgan_70_width4_in6", "patchgan_70", {"width": 4}),
        ("resnet_6blocks_width4", "resnet_6blocks", {"width": 4}),
        ("cut_generator_width4", "cut_generator", {"width": 4}),
        ("spade_discriminator_width4_labels3", "spade_discriminator", {"width": 4, "in_channels": 6}),
        ("spade_generator_width2_labels3_64", "spade_generator", {"width": 2, "labels": 3}),
    ],
)
def test_the_authors_weights_give_the_authors_output(file, name, sizes):
    fixture = authors(file)
    net = load_official(name, fixture["state"], **sizes)
    for module in net.modules():  # the files were saved behind the power iteration of the forward pass in training
        if isinstance(module, nn.utils.parametrizations._SpectralNorm):
            module.eval()
    with torch.no_grad():
        trained = net(fixture["x"])
        # Batch norm's statistics have moved; the authors' y_eval stands for the statistics in the file.
        evaluated = load_official(name, fixture["state"], **sizes).eval()(fixture["x"])
    for ours, theirs in ((trained, fixture["y_train"]), (evaluated, fixture["y_eval"])):
        if name == "spade_discriminator":  # theirs has the activations first, the logits behind them
            ours = [tensor for logits, activations in ours for tensor in (*activations, logits)]
            theirs = [tensor for scale in theirs for tensor in scale]
        else:
            ours, theirs = [ours], [theirs]
        for a, b in zip(ours, theirs, strict=True):
            assert a.shape == b.shape and (a - b).abs().max() <= 1e-6 * max(1, b.abs().max())


def test_the_authors_files_come_back_from_our_networks():
    fixture = authors("spade_generator_width2_labels3_64")["state"]
    back = to_official(load_official("spade_generator", fixture, width=2, labels=3))
    assert list(back) == list(fixture) and all(torch.equal(back[key], fixture[key]) for key in fixture)


# What age and handling do to a file.


def test_prefixes_of_wrappers_are_removed():
    net = lively("patchgan_16")
    for wrap in ("module.", "_orig_mod.", "module._orig_mod."):
        state = {wrap + key: tensor for key, tensor in to_official(net).items()}
        assert equal(load_official("patchgan_16", state, width=2), net)


def test_both_forms_of_spectral_norm_are_read():
    net = lively("spade_encoder")
    newer = {
        key.replace("weight_orig", "parametrizations.weight.original")
        .replace("weight_u", "parametrizations.weight.0._u")
        .replace("weight_v", "parametrizations.weight.0._v"): tensor
        for key, tensor in to_official(net).items()
    }
    assert "layer1.0.parametrizations.weight.0._u" in newer
    assert equal(load_official("spade_encoder", newer, **SMALL["spade_encoder"]), net)


def test_a_missing_v_is_computed_and_a_stored_weight_comes_out_again():
    state, stored = saved("spade_encoder"), {}
    for key in [key for key in state if key.endswith("weight_v")]:
        layer, weight = key.removesuffix(".weight_v"), state[key.replace("_v", "_orig")]
        matrix = weight.flatten(1)
        v = nn.functional.normalize(matrix.T @ torch.randn(len(matrix)), dim=0)
        u = nn.functional.normalize(matrix @ v, dim=0)
        state[f"{layer}.weight_u"] = u
        stored[layer] = weight / (u @ matrix @ v)
        del state[key]
    without = load_official("spade_encoder", state, **SMALL["spade_encoder"]).eval()
    norm = without.convs[0].parametrizations.weight[0]
    torch.testing.assert_close(
        norm._v, nn.functional.normalize(state["layer1.0.weight_orig"].flatten(1).T @ norm._u, dim=0)
    )
    first = {}
    for key, tensor in state.items():  # PyTorch's first form: the normalised weight between the parameter and u
        first[key] = tensor
        if key.endswith("weight_orig"):
            first[key.removesuffix("_orig")] = stored[key.removesuffix(".weight_orig")]
    net = load_official("spade_encoder", first, **SMALL["spade_encoder"]).eval()
    for i, conv in enumerate(net.convs):
        torch.testing.assert_close(conv.weight, stored[f"layer{i + 1}.0"])
    assert (without.convs[0].weight - net.convs[0].weight).abs().max() > 1e-4, "the stored weight made a difference"


def test_a_u_that_is_none_is_named_and_no_v_computed_from_it():
    state = saved("spade_encoder")
    del state["layer2.0.weight_v"]
    state["layer2.0.weight_u"] = torch.ones(3)
    with pytest.raises(ValueError, match=r"it has layer2\.0\.weight_u of shape \(3,\) .* of shape \(4,\)"):
        load_official("spade_encoder", state, **SMALL["spade_encoder"])


def test_statistics_of_an_old_instance_norm_are_dropped():
    net = lively("resnet_6blocks")
    old = {}
    for key, tensor in to_official(net).items():
        old[key] = tensor
        if key.endswith("bias") and key != "model.19.bias":
            *path, number, _ = key.split(".")
            layer = ".".join([*path, str(int(number) + 1)])
            old |= {f"{layer}.running_mean": torch.zeros(len(tensor)), f"{layer}.running_var": torch.ones(len(tensor))}
            old[f"{layer}.num_batches_tracked"] = torch.tensor(3)
    assert sum(key.endswith("running_var") for key in old) > 10
    assert equal(load_official("resnet_6blocks", old, width=2), net)


def test_counters_may_be_missing():
    net = lively("patchgan_70")
    state = {key: tensor for key, tensor in to_official(net).items() if not key.endswith("num_batches_tracked")}
    loaded = load_official("patchgan_70", state, width=2).state_dict()
    for key, tensor in net.state_dict().items():
        assert loaded[key] == 0 if key.endswith("num_batches_tracked") else torch.equal(loaded[key], tensor)
    assert loaded["layers.1.1.num_batches_tracked"].dtype == torch.int64


def test_a_file_sorted_by_name_is_read_by_name():
    net = lively("resnet_9blocks")
    state = dict(sorted(to_official(net).items()))
    assert list(state)[2].startswith("model.10."), "before model.4, and several blocks have equal shapes"
    assert equal(load_official("resnet_9blocks", state, width=2), net)
    net = lively("spade_generator")
    assert equal(
        load_official("spade_generator", dict(sorted(to_official(net).items())), **SMALL["spade_generator"]), net
    )


def test_numbers_may_differ_where_order_kind_and_shape_agree():
    net = lively("resnet_6blocks", dropout=True)
    state = to_official(net)
    loaded = to_official(load_official("resnet_6blocks", state, width=2))
    assert list(loaded) != list(state), "the network that was asked for has no dropout"
    assert all(torch.equal(a, b) for a, b in zip(loaded.values(), state.values(), strict=True))


def test_words_may_not_differ():
    state = {
        key.replace("up_0.norm_0.mlp_gamma", "up_0.norm_0.mlp_scale"): v for key, v in saved("spade_generator").items()
    }
    with pytest.raises(
        ValueError, match=r"has up_0\.norm_0\.mlp_scale\.weight of shape .* wants up_0\.norm_0\.mlp_gamma\."
    ):
        load_official("spade_generator", state, **SMALL["spade_generator"])
    a, b = "G_middle_0.conv_0.", "G_middle_0.conv_1."  # of one shape, so that words alone tell them apart
    state = {
        "other." + key.replace(a, "x").replace(b, a).replace("x", b): v for key, v in saved("spade_generator").items()
    }
    state = {key.removeprefix("other."): v for key, v in state.items()} | {"extra.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"has G_middle_0\.conv_1\.bias .* wants G_middle_0\.conv_0\.bias"):
        load_official("spade_generator", state, **SMALL["spade_generator"])


def test_other_precisions_become_float32():
    for dtype in (torch.float16, torch.float64):
        state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in saved("patchgan_16").items()}
        net = load_official("patchgan_16", state, width=2)
        assert all(p.dtype == torch.float32 for p in net.parameters())
        torch.testing.assert_close(net.layers[0][0].weight, state["model.0.weight"].float())


def test_the_kernels_of_cuts_blurs_are_compared():
    state = saved("cut_generator")
    assert state["model.7.filt"][3, 0].tolist() == [
        [1 / 16, 2 / 16, 1 / 16],
        [2 / 16, 4 / 16, 2 / 16],
        [1 / 16, 2 / 16, 1 / 16],
    ]
    assert state["model.14.filt"].shape[1:] == (1, 4, 4) and state["model.14.filt"][0].sum() == 4
    state["model.7.filt"] += 0.01
    with pytest.raises(ValueError, match=r"its model\.7\.filt is not the binomial kernel"):
        load_official("cut_generator", state, **SMALL["cut_generator"])


# What does not fit.


@pytest.mark.parametrize(
    "asked, given, message",
    [
        (
            ("patchgan_70", {}),
            ("patchgan_70", {"width": 64, "in_channels": 3}),
            r"the state dict does not fit 'patchgan_70': it has model\.0\.weight of shape \(64, 3, 4, 4\) where this "
            r"network wants model\.0\.weight \(here layers\.0\.0\.weight\) of shape \(64, 6, 4, 4\); "
            r"it fits load_official\('patchgan_70', \.\.\., in_channels=3\)$",
        ),
        (
            ("patchgan_70", {}),
            ("patchgan_70_instance", {"width": 64}),
            r"fits load_official\('patchgan_70_instance', \.\.\.\)$",
        ),
        (("patchgan_70", {}), ("patchgan_16", {}), r"fits load_official\('patchgan_16', \.\.\., width=2\)$"),
        (("patchgan_70", {}), ("patchgan_70", {"n_layers": 2}), r"\('patchgan_70', \.\.\., width=2, n_layers=2\)$"),
        (
            ("patchgan_70", {}),
            ("resnet_9blocks", {}),
            r"has model\.1\.weight of shape \(2, 3, 7, 7\) .* fits load_official\('resnet_9blocks', \.\.\., width=2\)$",
        ),
        (("resnet_9blocks", {}), ("resnet_6blocks", {}), r"load_official\('resnet_6blocks', \.\.\., width=2\)$"),
        (("resnet_9blocks", {}), ("cut_generator", {}), r"\('cut_generator', \.\.\., width=2, blocks=2\)$"),
        (
            ("cut_generator", {"width": 2, "blocks": 9}),
            ("resnet_9blocks", {}),
            r"has .* wants model\.7\.filt of .*'resnet_9blocks', \.\.\., width=2\)$",
        ),
        (("resnet_9blocks", {}), ("resnet_9blocks", {"norm": "batch"}), r"\.\.\., width=2, norm='batch'\)$"),
        (
            ("pix2pix_unet_256", {"width": 2}),
            ("pix2pix_unet_128", {"out_channels": 1}),
            r"_128', \.\.\., out_channels=1, width=1\)$",
        ),
        (
            ("pix2pix_unet_256", {"width": 2}),
            ("pix2pix_unet_256", {"norm": "instance"}),
            r"\.\.\., width=1, norm='instance'\)$",
        ),
        (
            ("cut_patch_sampler", {}),
            ("cut_patch_sampler", {}),
            r"has mlp_0\.0\.weight of shape \(4, 2\) where .* of shape \(256, 3\); .*channels=\(2, 3\), dim=4\)$",
        ),
        (
            ("spade_generator", {"width": 1}),
            ("spade_generator", {"hidden": 128}),
            r"'spade_generator', \.\.\., labels=3, width=2\)$",
        ),
        (
            ("spade_generator", {"width": 1}),
            ("spade_generator", {"start": "style", "size": 128, "z_dim": 4, "variant": "most"}),
            r"labels=3, hidden=5, width=2, variant='most', start='style', z_dim=4, size=128\)$",
        ),
        (
            ("spade_generator", {"width": 1}),
            ("spade_discriminator", {}),
            r"'spade_discriminator', \.\.\., in_channels=5, width=2\)$",
        ),
        (
            ("resnet_9blocks", {}),
            ("pix2pixhd_global", {"downs": 3}),
            r"'pix2pixhd_global', \.\.\., in_channels=4, width=2, blocks=2, downs=3\)$",
        ),
        (("spade_encoder", {}), ("spade_encoder", {}), r"'spade_encoder', \.\.\., width=2, size=32, z_dim=3\)$"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(asked, given, message):
    with pytest.raises(ValueError, match=message):
        load_official(asked[0], saved(given[0], **given[1]), **asked[1])


def test_the_advice_is_followed_to_a_network():
    state = saved("spade_generator", norm="instance", start="style", size=64, z_dim=4)
    with pytest.raises(ValueError) as refused:
        load_official("spade_generator", state, width=1)
    advice = str(refused.value).rsplit("it fits ", 1)[1]
    net = eval(advice, {"load_official": lambda name, _, **sizes: load_official(name, state, **sizes)})
    assert net(torch.rand(2, 3, 64, 64), torch.rand(2, 4)).shape == (2, 3, 64, 64)


def test_too_few_and_too_many_tensors_are_named():
    state = saved("patchgan_16")
    *_, last = state
    few = {key: tensor for key, tensor in state.items() if key != last}
    with pytest.raises(
        ValueError, match=r"it ends where this network wants model\.5\.bias \(here layers\.2\.bias\) of shape"
    ):
        load_official("patchgan_16", few, width=2)
    many = {**state, "model.8.weight": torch.zeros(1, 1, 4, 4)}
    with pytest.raises(
        ValueError, match=r"goes on with model\.8\.weight of shape \(1, 1, 4, 4\) .* nor does it fit any other"
    ):
        load_official("patchgan_16", many, width=2)


def test_a_name_that_is_unknown_is_refused_before_the_file_is_read():
    with pytest.raises(ValueError, match="'unet' is unknown: choose one of pix2pix_unet_256"):
        load_official("unet", "nowhere.pth")


# Files.


@pytest.mark.parametrize("zipped", [True, False], ids=["today's format", "the format of 2018"])
def test_files_of_both_formats_are_read(tmp_path, zipped):
    net = lively("patchgan_16")
    torch.save(to_official(net), tmp_path / "latest_net_D.pth", _use_new_zipfile_serialization=zipped)
    for path in (tmp_path / "latest_net_D.pth", str(tmp_path / "latest_net_D.pth")):
        assert equal(load_official("patchgan_16", path, width=2), net)


def test_a_misfit_names_the_file(tmp_path):
    torch.save(saved("patchgan_16"), tmp_path / "latest_net_D.pth")
    with pytest.raises(ValueError, match=r"latest_net_D\.pth does not fit 'patchgan_16': it has model\.0\.weight"):
        load_official("patchgan_16", tmp_path / "latest_net_D.pth")


def write_tar(path):
    inside = path.with_name("storages")
    inside.write_bytes(b"1")
    with tarfile.open(path, "w") as archive:
        archive.add(inside, "storages")


def shorten(path):
    torch.save({"weight": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    "write, message",
    [
        (lambda path: None, "does not exist: give the path of a checkpoint"),
        (lambda path: path.mkdir(), "is a folder: give one of its files; with the ending .pth: none"),
        (write_tar, "is a tar archive: unpack it"),
        (lambda path: path.write_text("<!DOCTYPE html>", encoding="utf-8"), "is not a file that torch.save wrote"),
        (lambda path: path.write_bytes(b""), "is not a file that torch.save wrote"),
        (shorten, "is not a file that torch.save wrote, or not all of it"),
        (
            lambda path: torch.save(nn.Linear(2, 2), path),
            r"holds more than tensors \(torch\.nn\.modules\.linear\.Linear\)",
        ),
        (lambda path: torch.save(torch.zeros(2), path), "holds a Tensor, not a state dict"),
        (lambda path: torch.save({}, path), "holds an empty state dict"),
        (
            lambda path: torch.save({"state": {}, "param_groups": [{"lr": 0.1}]}, path),
            "holds the state of an optimizer",
        ),
        (
            lambda path: torch.save({"netG": {"a": torch.zeros(1)}, "epoch": 3}, path),
            "'netG' maps to a dict: .* 'netG'$",
        ),
        (
            lambda path: torch.save({"a": torch.zeros(1), "epoch": 3}, path),
            "'epoch' maps to a int: it has to map to ten",
        ),
        (lambda path: torch.save({"format": 1, "method": "grit", "config": {}}, path), "checkpoint of this project"),
    ],
)
def test_files_of_another_kind_are_refused_in_words(tmp_path, write, message):
    path = tmp_path / "latest_net_G.pth"
    write(path)
    with pytest.raises((ValueError, FileNotFoundError), match=rf"latest_net_G\.pth.* {message}"):
        load_official("patchgan_16", path)


def test_a_folder_lists_its_checkpoints(tmp_path):
    for name in ("latest_net_G_A.pth", "latest_net_G_B.pth", "loss_log.txt"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"\.pth: latest_net_G_A\.pth, latest_net_G_B\.pth$"):
        load_official("resnet_9blocks", tmp_path)


# Networks that no authors have.


def test_other_networks_have_no_official_names():
    with pytest.raises(
        ValueError, match=r"Linear has no official code here: give one of GlobalGenerator, MultiscalePatchGAN, "
    ):
        to_official(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="this SPADEGenerator has 38 layers with weights, the authors' has 92"):
        to_official(SPADEGenerator(3, width=2, layer=Concat))

    class Plain(nn.Module):
        def __init__(self, in_channels, skip_channels, out_channels, norm, dropout):
            super().__init__()
            self.conv = nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1)

    with pytest.raises(ValueError, match="this UNet has"):
        to_official(UNet(width=1, depth=3, block=Plain))
