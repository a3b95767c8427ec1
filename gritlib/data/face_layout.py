"""Layouts of the drawn faces: a seed -> label map with CelebAMask-HQ's classes, the same face at every size."""

import math

import numpy as np

# fmt: off
CLASSES = ("background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth",
           "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth")
# fmt: on
ID = {name: i for i, name in enumerate(CLASSES)}


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres x (1, W) and y (H, 1) in [-1, 1], right and down, so that one layout serves every size."""
    x, y = ((np.arange(k, dtype=np.float32) + 0.5) / k * 2 - 1 for k in (width, height))
    return x[None, :], y[:, None]


def layout(seed, size: int) -> np.ndarray:
    """(size, size) uint8 ids of a face drawn from `seed`, the same face at every size."""
    rng = np.random.default_rng(seed)
    between, masks, (x0, y0) = rng.uniform, {}, grid(size, size)
    tilt, cx, cy = between(-0.12, 0.12), between(-0.06, 0.06), between(0.0, 0.08)
    x = (x0 - cx) * math.cos(tilt) + (y0 - cy) * math.sin(tilt)
    y = (y0 - cy) * math.cos(tilt) - (x0 - cx) * math.sin(tilt)

    w, h, jaw = between(0.42, 0.53), between(0.54, 0.64), between(0.05, 0.42)
    across = np.abs(x) / (w * (1 - jaw * np.clip(y / h, 0, 1) ** 2))
    face = masks["skin"] = across ** between(2.0, 2.8) + (y / h) ** 2 < 1
    nose_w, nose_y, nose_l = between(0.07, 0.12), between(0.14, 0.2), between(0.16, 0.26)
    bridge = nose_w * (0.35 + 0.65 * np.clip((y - nose_y) / nose_l + 1, 0, 1) ** 2)
    tip = 1 - np.clip((y - nose_y + 0.06) / 0.1, 0, 1) ** 2
    masks["nose"] = (np.abs(x) < bridge * np.sqrt(tip)) & (y > nose_y - nose_l)

    eye_x, eye_y, eye_w, eye_h = between(0.19, 0.235), between(-0.1, -0.03), between(0.105, 0.14), between(0.055, 0.1)
    slant, brow_w, brow_t = between(-0.25, 0.25), between(0.12, 0.17), between(0.022, 0.042)
    brow_y, arch, brow_slope = eye_y - eye_h - between(0.05, 0.1), between(0.0, 0.06), between(-0.2, 0.2)
    ear_w, ear_h, ear_y = between(0.07, 0.11), between(0.12, 0.18), between(-0.04, 0.06)
    lens_w, lens_h, power = eye_w + between(0.045, 0.075), eye_h + between(0.045, 0.075), int(rng.choice([2, 4]))
    if rng.random() < 0.2:
        u, v = (np.abs(x) - eye_x) / lens_w, (y - eye_y) / lens_h
        rings = np.abs((u**power + v**power) ** (1 / power) - 1) * lens_h < 0.026
        masks["eye_g"] = rings | ((np.abs(x) < eye_x - lens_w) & (np.abs(y - eye_y) < 0.022))
    for side, letter in ((-1, "l"), (1, "r")):
        u, v = side * x - eye_x, y - eye_y
        masks[f"{letter}_eye"] = np.abs(v + slant * u) < eye_h * (1 - (u / eye_w) ** 2)
        curve = y - brow_y + arch * (1 - (u / brow_w) ** 2) + brow_slope * u
        masks[f"{letter}_brow"] = (np.abs(curve) < brow_t * (1.1 - 0.4 * u / brow_w)) & (np.abs(u) < brow_w)
        masks[f"{letter}_ear"] = (((side * x - w) / ear_w) ** 2 + ((y - ear_y) / ear_h) ** 2 < 1) & ~face

    mouth_w, mouth_y, smile = between(0.14, 0.23), between(0.31, 0.36), between(0.0, 0.09)
    upper, lower, gap = between(0.05, 0.075), between(0.055, 0.085), between(0.03, 0.07) if rng.random() < 0.4 else 0.0
    belly = 1 - (x / mouth_w) ** 2
    line = y - mouth_y - smile * (belly - 0.5)
    masks["mouth"] = np.abs(line) < gap * belly
    masks["u_lip"] = (line <= -gap * belly) & (line > -(gap + upper) * belly)
    masks["l_lip"] = (line >= gap * belly) & (line < (gap + lower) * belly)

    hair = masks["hair"] = _hair(rng, x, y, w, h, face)
    if rng.random() < 0.4:
        hair &= ~(masks["l_ear"] | masks["r_ear"])
    if rng.random() < 0.13:
        brim_y, brim_w, top = -h * between(0.5, 0.62), between(0.06, 0.36), h + between(0.2, 0.32)
        dome = (x / (w + 0.07)) ** 2 + ((y - brim_y) / (top + brim_y)) ** 2 < 1
        hair &= y > brim_y
        masks["hat"] = (dome & (y < brim_y)) | ((np.abs(y - brim_y) < 0.055) & (np.abs(x) < w + brim_w))
    if rng.random() < 0.22:
        ring = between(0.045, 0.07)
        masks["ear_r"] = ((np.abs(x) - w - 0.02) ** 2 + (y - ear_y - ear_h - ring / 2) ** 2 < ring**2) & ~hair

    neck_w, shoulder, sag = between(0.2, 0.28), between(0.74, 0.82), between(0.1, 0.4)
    column, body = np.abs(x0 - cx), y0 > shoulder + sag * (x0 - cx) ** 2
    collar = between(0.04, 0.24) * (1 - (column / (neck_w + between(0.02, 0.14))) ** between(1.0, 2.5))
    opening = body & (y0 < shoulder + collar) & ~face
    masks["neck"] = ((column < neck_w) & (y0 > 0.2 + cy) & ~body & ~face) | opening
    if rng.random() < 0.2:
        beads = masks["neck"] & (np.abs(y0 - shoulder - between(0.0, 0.05) + 1.2 * column**2) < 0.028)
        masks["neck_l"], masks["neck"] = beads, masks["neck"] & ~beads
    masks["cloth"] = body & ~opening & ~face
    if rng.random() < 0.5:  # long hair falls in front of the shoulders instead of behind them
        masks["cloth"] &= ~hair

    label = np.zeros((size, size), np.uint8)
    for name in CLASSES[1:]:  # CelebAMask-HQ's painting order: later parts cover earlier ones
        if name in masks:
            label[masks[name]] = ID[name]
    return label


def _hair(rng, x: np.ndarray, y: np.ndarray, w: float, h: float, face: np.ndarray) -> np.ndarray:
    """Mask of the hair: an outline around the head, less the face below the hairline; a few heads have none."""
    between, kind = rng.uniform, rng.choice(["short", "bob", "long", "round", "none"], p=[0.36, 0.2, 0.24, 0.14, 0.06])
    phase, wobble = between(-np.pi, np.pi), 1.0
    if rng.random() < 0.5:
        wobble = 1 + between(0, 0.05) * np.sin(int(rng.integers(6, 15)) * np.arctan2(x, -y) + phase)
    if kind == "none":
        return np.zeros_like(face)
    if kind == "round":
        outline = x**2 + (y + 0.2) ** 2 < ((w + between(0.2, 0.34)) * wobble) ** 2
    else:
        end = {"short": between(-0.3, 0.05), "bob": between(0.25, 0.5), "long": 1.5}[kind]
        volume = between(0.04, 0.2)
        reach = w + (min(volume, 0.07) if kind == "short" else volume)
        above = (x / reach) ** 2 + (y / (h + volume)) ** 2 < wobble**2
        sides = np.abs(x) < reach * (1 + between(-0.1, 0.25) * y) * wobble
        outline = np.where(y < 0, above, sides) & (y < end + 0.1 * np.cos(6 * x + phase))
    if rng.random() < 0.15:
        bun_x = float(rng.choice([-0.4, 0.0, 0.4]))
        outline |= (x - bun_x) ** 2 + (y + h + 0.16 - 0.5 * bun_x**2) ** 2 < between(0.14, 0.2) ** 2
    lean, bow = int(rng.integers(-1, 2)) * between(0.1, 0.5), between(-0.2, 1.0)
    fringe = between(0, 0.04) * np.sin(between(12, 24) * x + between(-np.pi, np.pi))
    return outline & ~(face & (y > -h * between(0.5, 0.8) + lean * x + bow * x**2 + fringe))
