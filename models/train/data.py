"""Pictures and boxes: made by the binary, decoded and made small once, kept in memory."""

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from loss import COUNTS, NEITHER

# The side of the network's square, in pixels.
SIDE = 416
PADDING = 114

# Persons that count: the others are neither right nor wrong, in training and in the figures.
LEAST_VISIBLE = 0.4
LEAST_HEIGHT = 20

SIZE = "640x480"


@dataclass
class Frames:
    """N pictures of one size, and who is in them."""

    pictures: np.ndarray  # N x h x w x 3, uint8, blue green red, fitted into SIDE, without the padding
    boxes: np.ndarray  # N x G x 4, corners in pixels of `pictures`
    kinds: np.ndarray  # N x G: 0 no box, 1 counts, 2 neither right nor wrong
    cameras: np.ndarray  # N: a number for each camera
    names: list  # N: file names
    scale: float  # pixels of `pictures` for one of the original

    def __len__(self):
        return len(self.pictures)

    def only(self, which):
        """The frames of these numbers."""
        names = [self.names[i] for i in which]
        return Frames(self.pictures[which], self.boxes[which], self.kinds[which], self.cameras[which], names, self.scale)


def make(vigie, folder, seed, count, cameras, every):
    """Has the binary draw `count` frames of `cameras` cameras; keeps what an earlier run has drawn alike."""
    folder = Path(folder)
    command = [str(vigie), "camera", "--synthetic", "--count", str(count), "--cameras", str(cameras)]
    command += ["--every", str(every), "--seed", str(seed), "--size", SIZE, "--dir", str(folder), "--labels", "coco"]
    # The binary's own date stands for its version: another binary may draw otherwise.
    mark = f"{' '.join(command[1:])} {Path(vigie).stat().st_mtime_ns}\n"
    made = folder.with_suffix(".made")
    if made.exists() and made.read_text() == mark and (folder / "annotations.json").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(command, check=True)
    made.write_text(mark)
    return folder


def load(folder):
    """What `make` wrote, as `Frames`."""
    folder = Path(folder)
    truth = json.loads((folder / "annotations.json").read_text())
    images = truth["images"]
    sizes = {(image["width"], image["height"]) for image in images}
    if len(sizes) != 1:
        raise SystemExit(f"{folder} has pictures of several sizes: {sorted(sizes)}. They must all be {SIZE}.")
    (width, height) = sizes.pop()
    scale = min(SIDE / width, SIDE / height)
    inside = (int(height * scale), int(width * scale))
    pictures = np.empty((len(images), *inside, 3), np.uint8)

    def read(number):
        pictures[number] = small(folder / "images" / images[number]["file_name"], inside)

    with ThreadPoolExecutor() as pool:
        list(pool.map(read, range(len(images))))
    boxes, kinds = people(truth, scale)
    return Frames(pictures, boxes, kinds, camera_numbers(images), [image["file_name"] for image in images], scale)


def small(path, size):
    """A JPEG as `size` (height, width), blue green red: bilinear, half-pixel centres, not antialiased, as Vigie does it."""
    picture = tf.io.decode_jpeg(tf.io.read_file(str(path)), channels=3, dct_method="INTEGER_ACCURATE")
    picture = tf.image.resize(picture, size, "bilinear", antialias=False)
    return tf.cast(tf.round(picture), tf.uint8).numpy()[..., ::-1]


def people(truth, scale):
    """Boxes (N x G x 4) and kinds (N x G) of COCO annotations; G is that of the fullest picture."""
    row = {image["id"]: number for number, image in enumerate(truth["images"])}
    found = [[] for _ in row]
    for one in truth["annotations"]:
        x, y, w, h = one["bbox"]
        if w <= 0 or h <= 0:
            continue
        counts = one["visible"] >= LEAST_VISIBLE and h >= LEAST_HEIGHT
        corners = [x * scale, y * scale, (x + w) * scale, (y + h) * scale]
        found[row[one["image_id"]]].append((corners, COUNTS if counts else NEITHER))
    most = max(1, max(map(len, found)))
    boxes = np.zeros((len(found), most, 4), np.float32)
    kinds = np.zeros((len(found), most), np.int32)
    for number, some in enumerate(found):
        for place, (corners, kind) in enumerate(some):
            boxes[number, place], kinds[number, place] = corners, kind
    return boxes, kinds


def camera_numbers(images):
    """A number for each image's camera: its `camera`, or else its file's name without the frame's number at the end."""

    def camera(image):
        stem = str(Path(image["file_name"]).with_suffix(""))
        return str(image.get("camera", re.sub(r"[-_/. ]?\d+$", "", stem)))

    numbers = {}
    return np.array([numbers.setdefault(camera(image), len(numbers)) for image in images])


def padded(pictures):
    """N x h x w x 3 as the network's input, N x 3 x SIDE x SIDE: at the top left, 114 around."""
    square = np.full((len(pictures), 3, SIDE, SIDE), PADDING, np.float32)
    square[:, :, : pictures.shape[1], : pictures.shape[2]] = pictures.transpose(0, 3, 1, 2)
    return square
