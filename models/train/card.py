"""The model's card: three pictures, figures.json, and README.md, written whole from the figures."""

import json

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import evaluate
from data import SIDE
from loss import COUNTS
from network import cells

matplotlib.use("Agg")
from matplotlib import pyplot

LARGEST = 700_000
GREEN, YELLOW, RED = (40, 220, 70), (255, 220, 0), (255, 50, 50)

# Name in figures.json, what it is, whether more is better, the target, how it is written.
TARGETS = [
    ("ap50", "AP50", True, 0.95, "{:.3f}"),
    ("exact_count", "frames with the exact number of persons, at the threshold", True, 0.85, "{:.1%}"),
    ("false_per_frame", "false persons a frame, at the threshold", False, 0.02, "{:.3f}"),
    ("share_of_yolox_nano", "time, as a share of YOLOX-nano's", False, 0.5, "{:.2f}"),
    ("weights", "weights", False, 500_000, "{:,}"),
    ("bytes", "bytes", False, 2_000_000, "{:,}"),
]


def write(out, figures, history, found, test):
    """Everything but the model itself."""
    folder = out / "card"
    folder.mkdir(parents=True, exist_ok=True)
    loss_picture(folder / "loss.png", history)
    curve_picture(folder / "precision_recall.png", found, test, figures)
    pictures(folder / "pictures.png", found, test, figures["threshold"])
    (folder / "figures.json").write_text(json.dumps({**figures, "history": rounded(history)}, indent=1) + "\n")
    (out / "README.md").write_text(text(figures))


def rounded(history):
    """Losses with the digits that mean something; none where there is no number."""
    return [[round(v, 4) if np.isfinite(v) else None for v in row] for row in history]


def met(figures):
    """For each target: words, target and figure as text, whether it is met (None where it was not measured)."""
    for name, words, more, target, form in TARGETS:
        value = figures.get(name)
        if value is None:
            yield words, ("≥ " if more else "≤ ") + form.format(target), "not measured", None
        else:
            fits = value >= target if more else value <= target
            yield words, ("≥ " if more else "≤ ") + form.format(target), form.format(value), fits


def say_targets(figures, say):
    for words, target, value, fits in met(figures):
        say(f"  {words}: {value} (target {target}){'' if fits or fits is None else ': MISSED'}")


def loss_picture(path, history):
    """Losses along the epochs: of training, and of the held-out cameras."""
    rows = np.array(history)
    figure, axes = pyplot.subplots(figsize=(7, 4), dpi=110)
    axes.plot(rows[:, 0], rows[:, 4], label="training")
    axes.plot(rows[:, 0], rows[:, 8], label="held-out cameras")
    for column, name in ((1, "box"), (2, "object"), (3, "class")):
        axes.plot(rows[:, 0], rows[:, column], linewidth=0.8, linestyle=":", label=f"{name} (training)")
    axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    finish(figure, axes, path)


def curve_picture(path, found, test, figures):
    """Precision over recall at two IoUs, with the recommended threshold."""
    figure, axes = pyplot.subplots(figsize=(6, 4.5), dpi=110)
    for least in (0.5, 0.75):
        recall, precision, score = evaluate.curve(found, test, least)
        (line,) = axes.plot(recall, precision, label=f"IoU {least}")
        place = np.searchsorted(-score, -figures["threshold"], side="right") - 1
        if place >= 0:
            axes.plot(recall[place], precision[place], "o", color=line.get_color())
    axes.plot([], [], "o", color="grey", label=f"threshold {figures['threshold']:.2f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    finish(figure, axes, path)


def finish(figure, axes, path):
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def chosen(found, test, threshold):
    """Up to 12 frames: eight evenly spaced through the test frames, then the first four of the others with a mistake."""
    even = np.unique(np.linspace(0, len(test) - 1, min(8, len(test))).round().astype(int)).tolist()
    wrong = [n for n in range(len(test)) if n not in even and mistakes(found[n], test, n, threshold)]
    return even + wrong[:4]


def mistakes(detections, test, number, threshold):
    sure = detections[detections[:, 4] >= threshold]
    verdict, taken = evaluate.judge(sure, test.boxes[number], test.kinds[number])
    return int((verdict == evaluate.FALSE).sum() + ((test.kinds[number] == COUNTS) & ~taken).sum())


def pictures(path, found, test, threshold):
    """The page of frames: right green, missed yellow dashed, false red."""
    height, width = test.pictures.shape[1:3]
    which = chosen(found, test, threshold)
    rows = -(-len(which) // 4)
    page = Image.new("RGB", (4 * (width + 4) - 4, rows * (height + 4) - 4), "white")
    for place, number in enumerate(which):
        frame = drawn(test, number, found[number], threshold)
        page.paste(frame, (place % 4 * (width + 4), place // 4 * (height + 4)))
    save(page, path)


def drawn(test, number, detections, threshold):
    """One frame with its boxes."""
    frame = Image.fromarray(np.ascontiguousarray(test.pictures[number][..., ::-1]))
    draw, font = ImageDraw.Draw(frame), ImageFont.load_default()
    sure = detections[detections[:, 4] >= threshold]
    boxes, kinds = test.boxes[number], test.kinds[number]
    verdict, taken = evaluate.judge(sure, boxes, kinds)
    for box in boxes[(kinds == COUNTS) & ~taken]:
        dashed(draw, box, YELLOW)
    for box, what in zip(sure, verdict):
        if what == evaluate.DROPPED:
            continue
        colour = GREEN if what == evaluate.RIGHT else RED
        draw.rectangle(box[:4].tolist(), outline=colour, width=2)
        draw.text((box[0] + 3, max(0, box[1] - 11)), f"{box[4]:.2f}", fill=colour, font=font)
    return frame


def dashed(draw, box, colour, dash=5):
    """A box of dashes."""
    left, top, right, bottom = (float(v) for v in box)
    for x in np.arange(left, right, 2 * dash):
        for y in (top, bottom):
            draw.line([x, y, min(x + dash, right), y], fill=colour, width=2)
    for y in np.arange(top, bottom, 2 * dash):
        for x in (left, right):
            draw.line([x, y, x, min(y + dash, bottom)], fill=colour, width=2)


def save(page, path):
    """A PNG of at most LARGEST bytes: fewer colours first, then fewer pixels."""
    for share in (0.8, 0.7, 0.6, 0.5, 0.4):
        for colours in (256, 96):
            size = (int(page.width * share), int(page.height * share))
            small = page.resize(size, Image.LANCZOS).quantize(colours, dither=Image.Dither.NONE)
            small.save(path, optimize=True)
            if path.stat().st_size < LARGEST:
                return


TEXT = """# The model `persons.onnx`

*Written by `models/train/card.py` from the figures of the run that trained the model. Do not edit it by hand.*

A small detector of persons that Vigie brings along, so that a first job, the demo and the tests have a model that is at
hand, and whose answers can be checked. `make train` makes it from nothing: Vigie draws the pictures, with the truth, and
the network learns from them. There is no photo in its training and no weight of anybody else's.

> **It knows rendered people.** It was trained on, and measured with, the drawn pictures of `vigie camera --synthetic`.
> For real people take a real model: what it finds in photos is not measured and not to be relied on.

## Models for real people

| family | licence | where people get it |
|---|---|---|
| YOLOX (Megvii) | Apache-2.0 | the project's releases on GitHub, `Megvii-BaseDetection/YOLOX`, as ONNX |
| NanoDet (RangiLyu) | Apache-2.0 | the project's releases on GitHub, `RangiLyu/nanodet` |
| RTMDet (OpenMMLab) | Apache-2.0 | `open-mmlab/mmdetection`, exported with MMDeploy |
| RT-DETR (Baidu) | Apache-2.0 | `lyuwenyu/RT-DETR` on GitHub, exported with its own script |
| YOLOv5, YOLOv8, YOLO11 (Ultralytics) | AGPL-3.0, or a licence that is bought | the package `ultralytics`, exported with its own command |
| YuNet (faces) | MIT | the OpenCV Zoo, `opencv/opencv_zoo` |

Weights may have terms of their own, and so may the pictures that they were trained on: read both before you ship them.
`docs/models.md` says which families Vigie reads, and `vigie model FILE` whether it reads yours. A model of the YOLOX family takes
the place of this one; its `threshold` is its own (0.4 if left out).

## Figures

Measured with the file itself, in ONNX Runtime, on {frames:,} frames with {persons:,} persons that count, of cameras and
scenes that training has not seen (seed {test_seed}). A person counts when at least 40 % of it is visible and its box is at
least 20 pixels high in a picture of 640 x 480; the others are neither right nor wrong. A detection is right at an IoU of
0.5; boxes that overlap by more than 0.45 are one.

| | target | this model | |
|---|---|---|---|
{targets}
| AP50-95 | | {ap50_95:.3f} | |
| persons found, at the threshold | | {recall:.1%} | |

The recommended threshold is **{threshold:.2f}**. It was chosen on cameras that were held out of training, not on the test
frames.

![Precision and recall](card/precision_recall.png)

![Frames](card/pictures.png)

Frames of the test: eight evenly spaced ones, then the first others with a mistake, if there are any. Right green, missed
yellow and dashed, false red; persons that count neither way have no box.

## Inputs and outputs

* `images`: N x 3 x {side} x {side}, float32. Blue, green, red, 0 to 255, unscaled. The picture is resized (bilinear,
  half-pixel centres, not antialiased) to fit, lies at the top left, and 114 is around it.
* `output`: N x {cells} x 6, the layout of YOLOX: strides 8, 16 and 32, each row by row. For the cell (gx, gy) of stride s:
  cx = (o0 + gx)·s, cy = (o1 + gy)·s, w = exp(o2)·s, h = exp(o3)·s. The score is o4·o5: whether there is a person, times
  how well its box fits; both went through a sigmoid.
* Metadata: `names`, `input`, `output`, `task`, `licence`, `version`, `seed`, `figures`.

## How it was trained

{weights:,} weights: dense 3x3 convolutions with ReLU, a pyramid over three strides, one head a stride. SimOTA assigns cells
to persons as in YOLOX; GIoU for boxes, binary cross entropy for the rest; AdamW with warm-up and a cosine; the average of
the weights over the last steps. {training_frames:,} frames of {cameras} cameras (seed {seed}), one camera in twenty held
out; {epochs:g} epochs; pictures mirrored, scaled by 0.75 to 1.25, and in other light. The whole run took {minutes} minutes on
{cpus} CPUs ({machine}), {images_per_second:.0f} pictures a second in training.

`make train` repeats it: versions and seed are fixed, and the same machine makes the same file again, byte for byte. Another
processor rounds otherwise; there the figures repeat nearly, and the file does not. `persons.onnx.sha256` is of this file.

![Loss](card/loss.png)

## Speed

{speed}

## Limits

* It knows the people, rooms and cameras that Vigie draws, and no others.
* Persons of whom less than 40 % is visible, or that are lower than 20 pixels in 640 x 480, it may find or not.
* Persons close behind each other, whose boxes overlap by more than 0.45, become one.
* It says where a person is, not who. It must decide nothing about anybody.

Licence: MIT OR Apache-2.0, as Vigie. Version {version}.
"""


def text(figures):
    """README.md."""
    rows = []
    for words, target, value, fits in met(figures):
        rows.append(f"| {words} | {target} | {value} | {'' if fits is None else 'met' if fits else '**missed**'} |")
    known = {**figures, "targets": "\n".join(rows), "side": SIDE, "cells": len(cells(SIDE, SIDE))}
    known["speed"] = speed(figures)
    return TEXT.format(**known)


def speed(figures):
    own = f"{figures['milliseconds']} ms a picture in ONNX Runtime on one thread"
    if figures["yolox_nano_milliseconds"] is None:
        return f"{own}. YOLOX-nano was not at hand to be timed beside it."
    other, share = figures["yolox_nano_milliseconds"], figures["share_of_yolox_nano"]
    return (
        f"{own}; YOLOX-nano (416 x 416) takes {other} ms. The two took turns, several rounds; the share, {share:.2f}, is the\n"
        "median over rounds and says more than the milliseconds, which are those of one machine."
    )
