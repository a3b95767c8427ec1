"""First light: does decoupling the losses make GRIT use its noise?

GRIT against the same network with noise, style encoder and AdaIN but one coupled head, on three datasets, over paired
seeds (same initial weights where the networks agree, same batches). The recipe was fixed before the seeds ran;
CONTRIBUTING.md lists what was tried before.
"""

from dataclasses import asdict, replace

import torch

from gritlib.data import catalog
from gritlib.evaluation import evaluate
from gritlib.methods import GRIT, GRITConfig
from gritlib.presets import get
from gritlib.studies.runner import Study, stated
from gritlib.training import fit


def paired(config: GRITConfig, seed: int) -> GRIT:
    """A method whose initial weights, where the arms agree, are those of every other arm with this seed."""
    torch.manual_seed(seed)
    full = GRIT(replace(config, residual=True))
    method = GRIT(config)
    method.load_state_dict(full.state_dict() if config.residual else without_residual(full))
    return method


def without_residual(method: GRIT) -> dict[str, torch.Tensor]:
    return {key: value for key, value in method.state_dict().items() if not key.startswith("G.residual.")}


def run(arm: str, dataset: str, seed: int, steps: int) -> dict:
    """Train one arm at the `cpu` preset and score it on the test split."""
    preset = get("grit", "cpu")
    train, test = (catalog.load(dataset, split, preset.size) for split in ("train", "test"))
    config = preset.method.fit_to(train)
    config.residual = arm == "grit"
    result = fit(paired(config, seed), train, config=preset.training, steps=steps, seed=seed, progress=False)
    if not result.finished:
        raise KeyboardInterrupt
    scored = evaluate(result.method, test, train)
    metrics = {key: scored["spread"][key] for key in ("noise_std", "noise_share")}
    for style in ("random", "mean", "truth"):
        for name in ("L1", "L1_reconstruction", "spectrum_gap"):
            metrics[f"{name}_{style}"] = scored["scores"][style][name]
    return {key: round(value, 5) for key, value in metrics.items()}


def recipe() -> dict:
    """The settings that both arms share, stored with every run."""
    preset = get("grit", "cpu")
    settings = {**asdict(preset.method), **stated(preset.training), "size": preset.size}
    varied = {"in_channels", "out_channels", "residual", "seed", "steps"}
    # Options that came after these runs; all stand at what was then the only way.
    varied |= {"style", "kl_weight", "compose", "perceptual_weight", "perceptual", "d_scales"}
    return {key: value for key, value in settings.items() if key not in varied}


STUDY = Study(
    name="first-light",
    claim="With the losses decoupled the generator uses its noise more than with both losses on one output: standard "
    "deviation over 20 noise draws, and the share of the fine detail that the noise decides, GRIT / coupled. GRIT and "
    "the coupled network are the same but for the second head; styles of random training images.",
    arms=("grit", "coupled"),
    datasets=("grove", "earth", "faces"),
    seeds=(1, 2, 3, 4, 5),
    steps=1200,
    run=run,
    recipe=recipe,
    ratios=("noise_std", "noise_share"),
)
