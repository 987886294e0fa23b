#!/usr/bin/env python3
"""Makes what tests/steps.rs compares the picture steps with, by Pillow and numpy: run it in a folder of its own
environment (pip install pillow numpy), and commit what it writes beside itself.

The source is a rendered frame of ours. Where results have to be equal to the last bit there is a hash of the pixels,
where they may differ by rounding there is a picture.
"""
import hashlib
import json
from pathlib import Path

import numpy
from PIL import Image, ImageFilter, ImageOps, ImageStat

HERE = Path(__file__).parent
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def digest(image):
    pixels = image.convert("RGB")
    return {"size": list(pixels.size), "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}


def pixelated(image, side):
    """Each square's mean, rounded to the nearest."""
    pixels = numpy.asarray(image).astype(int)
    for top in range(0, pixels.shape[0], side):
        for left in range(0, pixels.shape[1], side):
            square = pixels[top : top + side, left : left + side]
            count = square.shape[0] * square.shape[1]
            square[:] = (square.sum(axis=(0, 1)) + count // 2) // count
    return Image.fromarray(pixels.astype("uint8"))


def sharpness(grey):
    """The variance of the Laplacian; OpenCV's border (reflect 101)."""
    edge = numpy.pad(numpy.asarray(grey).astype(float), 1, mode="reflect")
    middle = edge[1:-1, 1:-1]
    return float((edge[:-2, 1:-1] + edge[2:, 1:-1] + edge[1:-1, :-2] + edge[1:-1, 2:] - 4 * middle).var())


def boxed(image, box, change):
    image = image.copy()
    image.paste(change(image.crop(box)), box)
    return image


def main():
    source = Image.open(HERE / "../../docs/demo.jpg").convert("RGB").resize((63, 47), Image.Resampling.LANCZOS)
    source.save(HERE / "source.png", optimize=True)
    grey = source.convert("L")
    exact = {
        "grey": grey,
        "flip-horizontal": ImageOps.mirror(source),
        "flip-vertical": ImageOps.flip(source),
        "crop-pixels": source.crop((10, 5, 40, 45)),
        "crop-beyond": source.crop((50, 40, 63, 47)),
        "rotate-90": source.transpose(Image.Transpose.ROTATE_270),
        "rotate-180": source.transpose(Image.Transpose.ROTATE_180),
        "rotate--90": source.transpose(Image.Transpose.ROTATE_90),
        "blur-whole": source.filter(ImageFilter.GaussianBlur(47 * 0.5 / 6)),
        "blur-strong": source.filter(ImageFilter.GaussianBlur(47 * 1.0 / 6)),
        "blur-weak": source.filter(ImageFilter.GaussianBlur(47 * 0.1 / 6)),
        "blur-box": boxed(source, (10, 5, 40, 45), lambda part: part.filter(ImageFilter.GaussianBlur(30 * 0.5 / 6))),
        "pixelate": pixelated(source, 6),
    }
    about = {f"resize-{name}": source.resize((24, 18), filter) for name, filter in FILTERS.items()}
    part = source.crop((10, 5, 30, 35))
    about["resize-larger"] = part.resize((40, 45), FILTERS["bicubic"])
    about["resize-fill"] = ImageOps.fit(source, (20, 20), FILTERS["bilinear"])
    about["rotate-27"] = part.rotate(-27, Image.Resampling.BILINEAR, expand=True, fillcolor=(255, 136, 0))
    about["rotate-27-same-size"] = part.rotate(-27, Image.Resampling.BILINEAR, fillcolor=(255, 136, 0))
    for name, image in about.items():
        image.save(HERE / f"{name}.png", optimize=True)
    stat = ImageStat.Stat(grey)
    values = {
        "width": 63,
        "height": 47,
        "brightness": stat.mean[0],
        "contrast": stat.stddev[0],
        "entropy": grey.entropy(),
        "sharpness": sharpness(grey),
    }
    told = {"exact": {name: digest(image) for name, image in exact.items()}, "values": values}
    (HERE / "steps.json").write_text(json.dumps(told, indent=1) + "\n")


main()
