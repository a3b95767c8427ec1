"""The 34 claims of spec section 19 in one table: what a paper says, and which test or which committed runs speak to it.

Directions are those of the claim, whatever came out. The metric is the nearest to the claim's own that the study has:
for a segmentation score of the paper mean IOU, where there are labels; for FID the kernel distance, and on Faces, of
which there are enough, the Fréchet distance; both on the offline networks, so neither is FID. The rule of the verdicts
is that of `gritlib.studies.verdicts`.

A claim of equivalence ("random start about as good as the map") cannot be shown by an interval that contains zero: such
comparisons are shown without a prediction, and not judged.
"""

from collections.abc import Iterable
from pathlib import Path

from gritlib.studies import runner, verdicts
from gritlib.studies.verdicts import Claim, Comparison, Outcome

EARTH, GROVE, FACES, BOTH = ("earth",), ("grove",), ("faces",), ("grove", "faces")


def higher(study: str, subject: str, other: str | float, metrics: Iterable[str], datasets: tuple, **more) -> tuple:
    """The claim predicts that the subject has the higher value of each of these metrics."""
    return tuple(Comparison(study, subject, other, metric, "higher", datasets, **more) for metric in metrics)


def lower(study: str, subject: str, other: str | float, metrics: Iterable[str], datasets: tuple, **more) -> tuple:
    """... the lower value."""
    return tuple(Comparison(study, subject, other, metric, "lower", datasets, **more) for metric in metrics)


def shown(study: str, subject: str, other: str | float, metrics: Iterable[str], datasets: tuple) -> tuple:
    """... nothing that could be judged."""
    return tuple(Comparison(study, subject, other, metric, "", datasets) for metric in metrics)


def styles(*names: str) -> list[str]:
    """Scores with the style of a random training image, and with that of the truth."""
    return [f"{name}_{style}" for name in names for style in ("random", "truth")]


CLAIMS = (
    Claim(
        1,
        "A discriminator with 1, 3 or 5 layers of stride 2 judges patches of 16, 70 or 286 pixels.",
        "pix2pix",
        tests=("tests/nets/test_patchgan.py::test_receptive_field_is_the_gradient_footprint_of_one_output",),
    ),
    Claim(
        2,
        "L1 alone is blurred although best in L1: L1 + cGAN has more L1 and more fine detail.",
        "GRIT, figure 3; pix2pix",
        higher("losses", "l1+cgan", "l1", ("L1", "spectrum_gap"), BOTH),
    ),
    Claim(
        3,
        "L1 + cGAN is recognised better than L1 alone, cGAN alone and L1 + GAN; L1 better than GAN alone; and D should "
        "see the input.",
        "pix2pix, table 1",
        higher("losses", "l1+cgan", "l1", ("mean_iou",), BOTH)
        + higher("losses", "l1+cgan", "cgan", ("mean_iou",), BOTH)
        + higher("losses", "l1", "gan", ("mean_iou",), BOTH)
        + higher("losses", "l1+cgan", "l1+gan", ("mean_iou",), BOTH)
        + higher("losses", "cgan", "gan", ("mean_iou",), BOTH),
    ),
    Claim(
        4,
        "Skips help, and the adversarial term helps only with skips: without them it harms.",
        "pix2pix, table 2",
        lower("skips", "unet-cgan", "plain-cgan", ("L1",), EARTH)
        + lower("skips", "unet-l1", "plain-l1", ("L1",), EARTH)
        + higher("skips", "unet-cgan", "unet-l1", ("colour_overlap",), EARTH)
        + lower("skips", "plain-cgan", "plain-l1", ("colour_overlap",), EARTH),
        note="The paper scores with a segmenter; Earth has no labels. L1 must favour the arms without cGAN, so it "
        "judges the skips, and the overlap of colours the adversarial term.",
    ),
    Claim(
        5,
        "Patches of a quarter of the image's side are best, of a sixteenth about as good; whole images and single "
        "pixels are worse.",
        "pix2pix, table 3",
        sum(
            (
                lower("patches", patch, worse, ("L1", "|spectrum_gap|"), EARTH)
                for patch in ("quarter", "small")
                for worse in ("whole", "pixel")
            ),
            (),
        )
        + shown("patches", "quarter", "small", ("L1",), EARTH),
        note="70, 16, 286 and 1 pixels of 256 there, 16, 4, 70 and 1 of 64 here. L1 favours blur, the gap detail.",
    ),
    Claim(
        6,
        "L1 is a better pixel loss than L2; the source says it of FID.",
        "a student's report",
        lower("losses", "l1", "l2", ("KD_Lite0",), BOTH)
        + lower("losses", "l1", "l2", ("FD_Lite0_24",), FACES)
        + shown("losses", "l1", "l2", ("spectrum_gap",), BOTH),
    ),
    Claim(
        7,
        "A perceptual loss alone leaves a grid: more than L1, and more than with an adversarial term.",
        "GRIT, figure 3",
        higher("losses", "vgg", "l1", ("lattice",), BOTH) + higher("losses", "vgg", "vgg+cgan", ("lattice",), BOTH),
    ),
    Claim(
        8,
        "GAN without cycles permutes; cycles without GAN do not reach the domain; with one cycle the direction that "
        "lost its own fails.",
        "CycleGAN in Park's thesis, tables 3.4 and 3.5",
        lower("unpaired", "cyclegan", "gan", ("L1",), EARTH)
        + lower("unpaired", "cyclegan", "cycle", ("KD_Lite0",), EARTH)
        + lower("unpaired", "cyclegan", "gan+forward", ("L1_back",), EARTH)
        + lower("unpaired", "cyclegan", "gan+backward", ("L1",), EARTH),
    ),
    Claim(
        9,
        "The identity term keeps colours.",
        "CycleGAN in Park's thesis, figure 3.9",
        higher("unpaired", "cyclegan+identity", "cyclegan", ("colour_overlap",), EARTH)
        + lower("unpaired", "cyclegan+identity", "cyclegan", ("L1",), EARTH),
    ),
    Claim(
        10,
        "A buffer of past images damps the swings of the discriminators.",
        "CycleGAN, without a number",
        lower("unpaired-choices", "cyclegan", "cyclegan-no-pool", ("D_wobble",), EARTH),
    ),
    Claim(
        11,
        "CycleGAN cannot change geometry: the output's figure lies where the input's is, not where it should be.",
        "CycleGAN in Park's thesis, figure 3.17",
        lower("geometry", "cyclegan", "cyclegan", ("iou_truth",), ("shape", "pose"), against="iou_input"),
    ),
    Claim(
        12,
        "PatchNCE is a cross-entropy of N + 1 classes, and log(N + 1) where all similarities are equal.",
        "CUT in Park's thesis, equation 3.6",
        tests=(
            "tests/test_patch_nce.py::test_it_is_torchs_cross_entropy_of_similarities",
            "tests/test_patch_nce.py::test_with_patches_all_alike_it_is_the_log_of_their_number",
        ),
    ),
    Claim(
        13,
        "PatchNCE must train the decoder too: without its gradient there, FID is 444 instead of 47.",
        "CUT in Park's thesis, chapter 3",
        lower("unpaired", "cut", "cut-no-decoder", ("KD_Lite0",), EARTH),
    ),
    Claim(
        14,
        "CUT does better with negatives from the same image, with patches of many layers, and with one encoder.",
        "CUT in Park's thesis, figure 3.24",
        sum(
            (
                lower("unpaired-choices", "cut", f"cut-{other}", ("KD_Lite0",), EARTH)
                for other in ("external", "last-layer", "separate")
            ),
            (),
        ),
    ),
    Claim(
        15,
        "CUT trains fewer parameters than CycleGAN, faster, in less memory.",
        "CUT in Park's thesis, table 3.6",
        sum(
            (
                lower("unpaired-cost", arm, 1.0, ("cut_trained", "cut_time", "cut_memory"), ("cpu",), kind="exact")
                for arm in ("identity", "no-identity", "papers")
            ),
            (),
        ),
        note="Ratios to CycleGAN. Three settings: equal networks with CycleGAN's identity term and without it, and as "
        "in the papers. Time is that of one machine.",
    ),
    Claim(
        16,
        "FastCUT is more conservative than CUT: it stays nearer to the input.",
        "CUT in Park's thesis, figure 3.28",
        lower("unpaired", "fastcut", "cut", ("moved",), EARTH),
    ),
    Claim(
        17,
        "CUT's layers see 1, 9, 15, 35 and 99 pixels of the input, with antialiased layers.",
        "CUT",
        tests=("tests/nets/test_resnet.py::test_receptive_fields_are_those_printed_and_those_of_the_plain_network",),
    ),
    Claim(
        18,
        "Instance norm erases a uniform label map, SPADE does not.",
        "SPADE in Park's thesis, section 2.3",
        tests=(
            "tests/nets/test_spade.py::test_convolution_and_instance_norm_erase_a_uniform_map",
            "tests/nets/test_spade.py::test_spade_tells_two_uniform_maps_apart_where_convolution_and_norm_cannot",
        ),
    ),
    Claim(
        19,
        "SPADE with constant γ and β is a conditional norm, or AdaIN.",
        "SPADE in Park's thesis, section 2.3",
        tests=(
            "tests/nets/test_spade.py::test_constant_gamma_and_beta_are_a_batch_norm_with_scale_and_shift",
            "tests/nets/test_spade.py::test_a_single_image_of_one_label_makes_it_adain",
        ),
    ),
    Claim(
        20,
        "At equal size SPADE beats the map as further channels of every layer, which beats the map at the first layer; "
        "kernels of 1×1 are worse; a random start is about as good as the map.",
        "SPADE in Park's thesis, tables 2.3 and 2.4",
        higher("spade", "spade", "concat", ("mean_iou",), BOTH)
        + higher("spade", "concat", "input-only", ("mean_iou",), BOTH)
        + higher("spade", "spade", "spade-1x1", ("mean_iou",), GROVE)
        + shown("spade", "spade", "spade-random", ("mean_iou",), GROVE),
        note="On Grove the score is a poor judge: of the photographs themselves the segmenter reads less than of most "
        "arms' outputs.",
    ),
    Claim(
        21,
        "The perceptual loss and feature matching both help SPADE.",
        "SPADE in Park's thesis, table 2.5",
        higher("spade", "spade", "no-perceptual", ("mean_iou",), GROVE)
        + higher("spade", "spade", "no-matching", ("mean_iou",), GROVE)
        + shown("spade", "spade", "no-perceptual", ("L1",), GROVE)
        + shown("spade", "spade", "no-matching", ("L1",), GROVE),
        note="Judged by the paper's kind of score, which is a poor judge on Grove (see C20); L1 says the opposite.",
    ),
    Claim(
        22,
        "A new z gives the same map a new look, and a style image lends its own.",
        "SPADE in Park's thesis, figure 2.9",
        higher("spade", "style", 0.00784, ("z_std",), BOTH)
        + higher("spade", "style", "style", ("overlap_lent",), BOTH, against="overlap_mean")
        + lower("spade", "style", "style", ("L1_truth",), BOTH, against="L1_random"),
        note="z_std is a standard deviation in units of [-1, 1]: 0.00784 is one of 255 grey levels.",
    ),
    Claim(
        23,
        "An adapted segmenter lies between one of the source domain and an oracle.",
        "CyCADA in Park's thesis, tables 3.7 and 3.8",
    ),
    Claim(
        24,
        "In a swapping autoencoder texture follows one code and structure the other.",
        "Park's thesis, figure 4.6",
    ),
    Claim(
        25,
        "SIFID reacts to blur and noise, self-similarity to shifts and rotations.",
        "Park's thesis, figure 4.19",
        tests=("tests/metrics/test_structure.py::test_sifid_reacts_to_style_and_self_similarity_to_structure",),
    ),
    Claim(
        26,
        "Interpolated weights work between related networks, not between unrelated ones.",
        "GRIT, section 2, of DNI",
        lower("interpolation", "related", "unrelated", ("bump_L1",), BOTH),
        note="bump is the score half-way minus the mean of both ends'.",
    ),
    Claim(
        27,
        "The reconstruction loss has no gradient on the residual head; the adversarial loss reaches both heads.",
        "GRIT, equation 2",
        tests=(
            "tests/nets/test_grit.py::test_reconstruction_loss_reaches_trunk_and_encoder_and_never_the_residual_head",
            "tests/nets/test_grit.py::test_adversarial_loss_sees_both_parts_alike_and_moves_both_heads",
        ),
    ),
    Claim(
        28,
        "Noise alone is suppressed by the reconstruction loss: GRIT uses it more, and alone it makes FID worse.",
        "GRIT, section 3.3 and table 4",
        higher("grit-ablation", "grit", "noise", ("noise_std", "noise_share"), BOTH)
        + higher("grit-ablation", "noise", "unet", ("KD_Lite0_random",), BOTH)
        + higher("grit-ablation", "noise", "unet", ("FD_Lite0_24_random",), FACES),
    ),
    Claim(
        29,
        "Decoupled, the noise is used, and most where the detail is.",
        "GRIT, figure 8",
        higher("first-light", "grit", "coupled", ("noise_std", "noise_share"), (*GROVE, *EARTH, *FACES), kind="ratio")
        + higher("grit-ablation", "grit", "noise", ("calibration_r",), FACES)
        + shown("grit-ablation", "grit", "noise", ("calibration_ratio",), FACES),
        note="On Faces the true spread of every pixel is known: r and ratio are those of the measured map against it.",
    ),
    Claim(
        30,
        "GRIT's reconstruction has the low frequencies, its residual the high ones; the sum has the truth's spectrum.",
        "GRIT, figure 10",
        lower("grit-ablation", "grit", "grit", ("reconstruction_gap_random",), BOTH, against="spectrum_gap_random")
        + lower(
            "grit-ablation", "grit", "grit", ("|spectrum_gap_random|",), BOTH, against="|reconstruction_gap_random|"
        )
        + lower("grit-ablation", "grit", 0.5, ("residual_low_share",), BOTH),
        note="In turn: the reconstruction lacks detail that the sum has; the sum's spectrum is nearer to the truth's; "
        "less than half of the residual's power is below a tenth of the highest frequency.",
    ),
    Claim(
        31,
        "GRIT improves L1, PSNR, SSIM and FID over its own U-Net; LPIPS may worsen.",
        "GRIT, table 4",
        lower("grit-ablation", "grit", "unet", styles("L1"), BOTH)
        + higher("grit-ablation", "grit", "unet", styles("PSNR", "SSIM"), BOTH)
        + lower("grit-ablation", "grit", "unet", styles("KD_Lite0"), BOTH)
        + lower("grit-ablation", "grit", "unet", styles("FD_Lite0_24"), FACES)
        + shown("grit-ablation", "grit", "unet", styles("VGG16_distance"), BOTH),
        note="With the style of a random training image, and with the truth's, as in the paper.",
    ),
    Claim(
        32,
        "Adding reconstruction and residual is better than fusing them by a small network.",
        "GRIT, section 3.1",
        lower("grit-ablation", "grit", "fuse", ("L1_random", "KD_Lite0_random", "spectrum_distance_random"), GROVE),
    ),
    Claim(
        33,
        "L1 on a coupled random output drives its variance to zero.",
        "GRIT, section 3.3, in words",
        tests=("tests/test_laboratory.py::test_l1_drives_the_weight_of_gaussian_noise_to_zero",),
    ),
    Claim(
        34,
        "Scores of sets can be gamed: copies of real images, which ignore the question, score better than a network "
        "that answers it.",
        "WCT² in Park's thesis",
        higher("losses", "l1+cgan", "copies", ("KD_Lite0",), BOTH)
        + higher("losses", "l1+cgan", "copies", ("FD_Lite0_24",), FACES)
        + higher("losses", "l1+cgan", "copies", ("mean_iou",), BOTH)
        + lower("losses", "copies", "perfect", ("mean_iou",), FACES)
        + shown("losses", "copies", "perfect", ("KD_Lite0", "FD_Lite0_24"), FACES),
    ),
)


def measured(folder: Path = runner.COMMITTED) -> list[tuple[Claim, str, list[Outcome]]]:
    """Every claim with its verdict and the outcomes behind it."""
    return [(claim, *verdicts.measure(claim, folder)) for claim in CLAIMS]


def of(study: str) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """A study's claims for a lesson: what is claimed -> comparisons (subject, other, metric) of two arms."""
    found = {}
    for claim in CLAIMS:
        mine = [c for c in claim.comparisons if c.study == study and isinstance(c.other, str)]
        mine = [c for c in mine if not c.against and "|" not in c.metric]
        if mine:
            found[f"C{claim.id} ({claim.source}): {claim.text}"] = tuple((c.subject, c.other, c.metric) for c in mine)
    return found
