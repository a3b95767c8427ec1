"""The sizes of an authors' network, read off the shapes in one of its checkpoints: what to ask `official` for."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from gritlib.nets.patch_sampler import PatchSampler
from gritlib.nets.patchgan import MultiscalePatchGAN, PatchGAN
from gritlib.nets.pix2pixhd import GlobalGenerator
from gritlib.nets.resnet import ResNetGenerator
from gritlib.nets.spade import SPADEEncoder, SPADEGenerator
from gritlib.nets.unet import UNet

Shapes = dict[str, tuple[int, ...]]  # of weights, by their name in the file, in its order


def sizes_of(network: type[nn.Module], state: Mapping[str, Tensor]) -> dict:
    """The arguments with which `network` would have these tensors, if it can; without what shapes do not say.

    Raises:
        LookupError, ValueError, ArithmeticError: the file has not the names of such a network.
    """
    weights = {k: tuple(v.shape) for k, v in state.items() if k.endswith((".weight", ".weight_orig")) and v.dim() > 1}
    # The batch norm of SPADE has no weight; statistics without one elsewhere are those of an old instance norm.
    batch = any(
        key.endswith("running_mean") and (network is SPADEGenerator or key.replace("running_mean", "weight") in state)
        for key in state
    )
    norm = {} if network is PatchSampler else {"norm": "batch" if batch else "instance"}
    return SIZES[network](weights) | norm


def unet(weights: Shapes) -> dict:
    first, last = weights["model.model.0.weight"], weights["model.model.3.weight"]
    return {"in_channels": first[1], "out_channels": last[1], "width": first[0], "depth": len(weights) // 2}


def resnet(weights: Shapes) -> dict:
    blocks = sum(".conv_block." in key for key in weights) // 2
    dropout = any(key.endswith(".conv_block.6.weight") for key in weights)
    return ends(weights) | {"blocks": blocks, "dropout": dropout}


def pix2pixhd_global(weights: Shapes) -> dict:
    blocks = sum(".conv_block." in key for key in weights) // 2
    return ends(weights) | {"blocks": blocks, "downs": len(weights) // 2 - blocks - 1}


def ends(weights: Shapes) -> dict:
    """Sizes of the first and the last convolution of a generator of convolutions."""
    first, last = weights["model.1.weight"], list(weights.values())[-1]
    return {"in_channels": first[1], "out_channels": last[0], "width": first[0]}


def patchgan(weights: Shapes) -> dict:
    pixel = "net.0.weight" in weights
    first = weights["net.0.weight" if pixel else "model.0.weight"]
    return {"in_channels": first[1], "width": first[0], "n_layers": 0 if pixel else len(weights) - 2}


def multiscale(weights: Shapes) -> dict:
    scales = sum(key.endswith(".model0.0.weight") for key in weights)
    first = weights["discriminator_0.model0.0.weight"]
    return {"in_channels": first[1], "width": first[0], "n_layers": len(weights) // scales - 2, "scales": scales}


def patch_sampler(weights: Shapes) -> dict:
    layers = range(len(weights) // 2)
    return {"channels": tuple(weights[f"mlp_{i}.0.weight"][1] for i in layers), "dim": weights["mlp_0.0.weight"][0]}


def spade_generator(weights: Shapes) -> dict:
    blocks = sum(key.endswith("conv_0.weight_orig") for key in weights)
    hidden, labels, kernel, _ = weights["head_0.norm_0.mlp_shared.0.weight"]
    widest, image = weights["head_0.conv_0.weight_orig"][0], weights["conv_img.weight"]
    # Three blocks of full width, then one that halves the channels for each level, of which the authors have 4;
    # "most" has one block more. "more" has the tensors of "normal".
    depth, most = min(blocks - 3, 4), blocks == 8
    sizes = {"labels": labels, "hidden": hidden, "kernel": kernel, "out_channels": image[0], "depth": depth}
    sizes |= {"width": widest >> depth, "variant": "most" if most else "normal"}
    if len(weights["fc.weight"]) == 2:
        inner, z_dim = weights["fc.weight"]
        sizes |= {"start": "style", "z_dim": z_dim, "size": round((inner / widest) ** 0.5) << depth + 1 + 2 * most}
    return sizes


def spade_encoder(weights: Shapes) -> dict:
    first, z_dim = weights["layer1.0.weight_orig"], weights["fc_mu.weight"][0]
    return {"in_channels": first[1], "width": first[0], "size": 4 << len(weights) - 2, "z_dim": z_dim}


SIZES: dict[type[nn.Module], Callable[[Shapes], dict]] = {
    UNet: unet,
    ResNetGenerator: resnet,
    PatchGAN: patchgan,
    MultiscalePatchGAN: multiscale,
    PatchSampler: patch_sampler,
    SPADEGenerator: spade_generator,
    SPADEEncoder: spade_encoder,
    GlobalGenerator: pix2pixhd_global,
}
