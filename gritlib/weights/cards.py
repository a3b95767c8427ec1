"""The cards of the shipped weights: texts by people, numbers from the files."""

import textwrap
from typing import NamedTuple


class Text(NamedTuple):
    """What no file says of itself.

    Args:
        what: the network and its training, in words. seen: what the sample sheet shows, said by who looked at it.
        made_from: the training images, and what follows for the licence.
    """

    what: str
    seen: str
    made_from: str


EARTH = "public domain images (Natural Earth, NASA)"
GROVE = "a CC0 image (NEON)"
FACES = "faces that gritlib draws"
ARM = "one of GRIT's ablation, label map -> drawn face; width 10, style code of 32 numbers"
DNI = "pix2pix' U-Net of width 8, layout map -> aerial photo, for network interpolation"
TEXTS = {
    "pix2pix-earth": Text(
        "pix2pix of width 12, drawn map -> satellite image: otherwise the cpu preset, five times as long and at a "
        "learning rate of 5e-4",
        "Coasts are right, forest, sand and sea have plausible colours. The sea has a lattice; mountains are specks "
        "without ridges, with a little white where there is snow; a plain under snow comes out brown; several outputs "
        "have a smudge at one and the same place.",
        EARTH,
    ),
    "cyclegan-earth": Text(
        "CycleGAN, drawn map -> satellite image and back: arm cyclegan of study unpaired. G and F, with both "
        "discriminators, since lesson 03 trains on",
        "Sea, coasts, forest and sand have plausible colours; snow comes out as forest, so does a dry plain below "
        "mountains; bright relief has rainbow fringes, and there is a frame along the border. Seed 0 is no part of the "
        "study. It was taken because its colours are right: the study's seeds 1 and 2 have them permuted, sea becomes "
        "land.",
        EARTH,
    ),
    "cut-earth": Text(
        "CUT, drawn map -> satellite image: arm cut of study unpaired, of width 10 and longer",
        "Coasts and ridges are where the map has them; forest is forest. The other colours are permuted: the sea "
        "is sand, plains and deserts are water, blue or nearly black. No other seed was tried.",
        EARTH,
    ),
    "spade-grove": Text(
        "SPADE with a style code, layout map -> aerial photo: arm style of study spade, longer. With its "
        "discriminator, since lesson 05 trains on",
        "Shadows are where the map has them, and look right; crowns and grass hardly differ, under a regular speckle "
        "that repeats, and bare ground is the same with white dots. Whose style is lent changes little.",
        GROVE,
    ),
    "spade-faces": Text(
        "SPADE with a style code, label map -> drawn face: as spade-grove, without the discriminator",
        "Skin, clothes and the hat have the colours of the style, backgrounds nearly; hair is brown or grey whatever "
        "the style, and a weave of small blocks lies over hair and background. No strands, no freckles.",
        FACES,
    ),
    "grit-grove": Text(
        "GRIT of width 10, layout map -> aerial photo",
        "Crowns, shadows and ground are told apart, and leaves are suggested everywhere, with more contrast than the "
        "photos have; all crowns are the same tuft, and some have bright rims. The style moves light and green.",
        GROVE,
    ),
    "coupled-faces": Text(
        f"noise, {ARM}: one head, which both losses see",
        "Skin and background have the colours of the style; hair or hat has another colour in two of six. Shading is "
        "smooth, hair has a weave instead of strands, freckles are missing.",
        FACES,
    ),
    "grit-faces": Text(
        f"GRIT, {ARM}: two heads, noise",
        "Skin has the colours of the style, the background in half of them another one, hair often too. All over lies "
        "a coarse grain, stronger than the drawn one; edges are bright or dark seams, hair has no strands.",
        FACES,
    ),
    "dni-l1-grove": Text(
        f"{DNI}: trained with L1 alone",
        "Blurred: shadows are soft dark patches on an even green, with a faint grid; single crowns do not show.",
        GROVE,
    ),
    "dni-gan-grove": Text(
        f"{DNI}: trained with L1 alone for 1,200 steps, then with L1 and the conditional GAN for 600",
        "Shadows have rough edges; all else has one texture of black and white specks, which repeats.",
        GROVE,
    ),
    "dni-other-grove": Text(
        f"{DNI}: trained as dni-l1-grove, from another seed",
        "Blurred, as dni-l1-grove; the two can hardly be told apart.",
        GROVE,
    ),
}
NAMES = tuple(TEXTS)
COMMAND = "python data_scripts/train_weights.py"
WIDTH = 110  # letters of a line of a card


def written(name: str, about: dict, size: int) -> str:
    """A card as text.

    Args:
        about: what the file says of itself. size: of the file in bytes.
    """
    text, data = TEXTS[name], about["data"]
    dataset = data["name"] + "".join(f", {key}" for key, on in data["options"].items() if on)
    rows = [
        ("data", f"{dataset}, {data['size']} pixels"),
        (
            "training",
            f"{about['steps']:,} steps of {about['batch_size']} images, seed {about['seed']}, {about['device']}; "
            f"averaged weights, {size / 1e6:.2f} MB in half precision",
        ),
        ("scores", f"on the test split, {about['images']} images; L1 of 255, PSNR in dB, gap in ln power"),
        *(("", f"{way}: {numbers(found)}") for way, found in about["scores"].items()),
        ("seen", text.seen),
        ("licence", f"made from {text.made_from}; these weights are CC0"),
        ("again", f"{COMMAND} {name}"),
    ]
    lines = [textwrap.fill(f"{name}: {text.what}", WIDTH, subsequent_indent="  ")]
    for word, said in rows:
        lines.append(textwrap.fill(said, WIDTH, initial_indent=f"  {word:10s}", subsequent_indent=" " * 12))
    return "\n".join(lines)


def numbers(scores: dict[str, float]) -> str:
    """The four scores in one line."""
    return (
        f"L1 {scores['L1']:.1f}, PSNR {scores['PSNR']:.1f}, SSIM {scores['SSIM']:.2f}, "
        f"spectrum gap {scores['spectrum_gap']:+.2f}"
    )
