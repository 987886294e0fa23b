"""Trains a person detector on pictures that Vigie draws, and writes it with its card.

    train.py --vigie target/release/vigie --work target/train --out models

Draws the frames, trains, exports to ONNX, checks the file on frames that training has not seen, writes the card.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import time
from pathlib import Path

# TensorFlow's own remarks on this CPU are not this run's.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

import card
import data
import evaluate
import export
from augment import augment
from loss import losses
from network import Layers
from optimiser import AdamW, Average, rate

VERSION = "1"
BATCH = 8

# Pictures fill 416 x 312 of the square. Most epochs leave most of the padding away; the last ones see it, and pictures of
# the right size only.
SHORT = 320
LAST_EPOCHS = 0.15

# Frames of one camera: what is taken for a person by mistake stands still, and many cameras teach more than many frames.
A_CAMERA = 10

# Of 20 training cameras one is not trained on: the threshold is chosen on those.
HELD_OUT = 20

# Test scenes are other scenes: far from the training seed and what follows it.
TEST_SEED = 900_000


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vigie", type=Path, required=True, help="the binary that draws the frames")
    parser.add_argument("--work", type=Path, default=Path("target/train"), help="where frames go")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where the model and its card go")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=float, default=17, help="times every frame is seen; 0.1 for a trial")
    parser.add_argument("--frames", type=int, default=10000, help="frames to train on")
    parser.add_argument("--test-frames", type=int, default=1000)
    parser.add_argument("--every", type=int, default=15, help="video frames between two that are kept")
    parser.add_argument("--compare", type=Path, help="a YOLOX-nano 416 file to time beside ours")
    return parser.parse_args()


def say(text):
    print(text, flush=True)


def fix_seeds(seed):
    """With TensorFlow's repeatable operations, which cost nothing here, one machine makes the same file again."""
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
    tf.config.experimental.enable_op_determinism()


def frames(args):
    """Frames to train on, frames of held-out cameras, test frames."""
    cameras, test_cameras = max(HELD_OUT, args.frames // A_CAMERA), max(1, args.test_frames // A_CAMERA)
    clock = time.time()
    drawn = data.make(args.vigie, args.work / "frames", args.seed, args.frames, cameras, args.every)
    test_seed = TEST_SEED + args.seed
    test = data.make(args.vigie, args.work / "test", test_seed, args.test_frames, test_cameras, args.every)
    say(f"frames drawn in {time.time() - clock:.0f} s")
    clock = time.time()
    everything, test = data.load(drawn), data.load(test)
    held_out = everything.cameras % HELD_OUT == HELD_OUT - 1
    say(f"frames read in {time.time() - clock:.0f} s: {len(everything)} of {everything.cameras.max() + 1} cameras")
    return everything, np.flatnonzero(~held_out), everything.only(np.flatnonzero(held_out)), test


class Trainer:
    """The network, its optimiser, and the compiled steps."""

    def __init__(self, seed):
        self.layers = Layers(seed)
        self.weights = self.layers.trained.variable
        self.optimiser = AdamW(self.weights, self.layers.kernels)
        self.average = Average(self.weights, self.layers.followed.variable)
        self.compiled = {}

    def once(self, name, make, *more):
        """The compiled step of that name, made when it is first asked for."""
        if (name, *more) not in self.compiled:
            self.compiled[name, *more] = make(*more)
        return self.compiled[name, *more]

    def learn(self, batch, height, strength, rate, number):
        """One step on (pictures, boxes, kinds); box, object, class loss and their sum."""
        step = self.once("learn", self.make_learn, batch[0].shape, height, strength)
        return step(*batch, tf.constant(rate), tf.constant(float(number))).numpy()

    def make_learn(self, shape, height, strength):
        @tf.function(input_signature=[*signature(shape), tf.TensorSpec(()), tf.TensorSpec(())])
        def step(pictures, boxes, kinds, rate, number):
            pictures, boxes, kinds = augment(pictures, boxes, kinds, height, strength)
            with tf.GradientTape() as tape:
                parts = losses(self.layers.run(pictures, learning=True), boxes, kinds, height, shape[2])
            self.optimiser.step(tape.gradient(parts[-1], self.weights), rate, number)
            self.average.follow(number)
            return tf.stack(parts)

        return step

    def measure(self, some):
        """The losses on frames that are not trained on, as the weights are now."""
        parts = some.pictures, some.boxes, some.kinds
        batches = [[part[at : at + BATCH] for part in parts] for at in range(0, len(some) - BATCH + 1, BATCH)]
        if not batches:
            return np.full(4, np.nan)
        step = self.once("measure", self.make_measure, batches[0][0].shape)
        return np.mean([step(*batch).numpy() for batch in batches], 0)

    def make_measure(self, shape):
        below = ((0, 0), (0, SHORT - shape[1]), (0, 0), (0, 0))

        @tf.function(input_signature=signature(shape))
        def step(pictures, boxes, kinds):
            pictures = tf.cast(tf.pad(pictures, below, constant_values=data.PADDING), tf.float32)
            return tf.stack(losses(self.layers.run(pictures), boxes, kinds, SHORT, shape[2]))

        return step


def signature(shape):
    """Of pictures, boxes and kinds."""
    boxes = tf.TensorSpec((shape[0], None, 4), tf.float32)
    return [tf.TensorSpec(shape, tf.uint8), boxes, tf.TensorSpec((shape[0], None), tf.int32)]


def train(trainer, everything, numbers, held_out, args):
    """All epochs; the history: [epoch, losses of training (4), losses of the held-out cameras (4)]."""
    random_order = np.random.default_rng(args.seed)
    an_epoch = max(1, len(numbers) // BATCH)
    steps = max(1, round(args.epochs * an_epoch))
    plain_from = steps - max(1, round(LAST_EPOCHS * steps))
    history, seen, sums, start = [], 0, [], time.time()
    for step in range(steps):
        if step % an_epoch == 0:
            order = random_order.permutation(numbers)
        which = np.sort(order[step % an_epoch * BATCH :][:BATCH])
        most = max(1, int((everything.kinds[which] > 0).sum(1).max()))
        batch = everything.pictures[which], everything.boxes[which, :most], everything.kinds[which, :most]
        plain = step >= plain_from
        height, strength = (data.SIDE, 0.0) if plain else (SHORT, 1.0)
        sums.append(trainer.learn(batch, height, strength, rate(step, steps), step + 1))
        seen += 1
        if (step + 1) % an_epoch == 0 or step + 1 == steps:
            history.append([(step + 1) / an_epoch, *np.mean(sums, 0).tolist(), *trainer.measure(held_out).tolist()])
            tell(history[-1], args.epochs, seen, step + 1, steps, start)
            sums = []
        elif (step + 1) % 100 == 0:
            tell([(step + 1) / an_epoch, *np.mean(sums[-100:], 0).tolist()], args.epochs, seen, step + 1, steps, start)
        if not np.isfinite(sums[-1][-1] if sums else history[-1][4]):
            raise SystemExit(f"The loss is no number after {step + 1} steps.")
    return history, seen * BATCH / (time.time() - start)


def tell(row, epochs, seen, step, steps, start):
    """A line of progress."""
    took = time.time() - start
    left = took / step * (steps - step)
    text = f"epoch {row[0]:.2f}/{epochs:g}  box {row[1]:.3f}  object {row[2]:.3f}  class {row[3]:.3f}  sum {row[4]:.3f}"
    if len(row) > 5:
        text += f"  held out {row[8]:.3f}"
    say(f"{text}  {seen * BATCH / took:.0f} images/s  {left / 60:.1f} min left")


def write(args, trainer, cameras, held_out, test, history, speed):
    """The model, its sum, the card."""
    trainer.average.use()
    made = export.model(trainer.layers.values(), data.SIDE)
    difference = export.check(made, trainer.layers, data.padded(test.pictures[:4]))
    file = made.SerializeToString()
    threshold = evaluate.recommend(evaluate.detect(file, held_out), held_out)
    found = evaluate.detect(file, test)
    figures = evaluate.figures(found, test, threshold)
    brief = {name: figures[name] for name in ("ap50", "ap50_95", "exact_count", "false_per_frame", "threshold")}
    export.describe(made, args.seed, VERSION, brief)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "persons.onnx"
    path.write_bytes(made.SerializeToString())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (args.out / "persons.onnx.sha256").write_text(f"{digest}  persons.onnx\n")

    files = [path] + ([args.compare] if args.compare and args.compare.exists() else [])
    times, quotients = evaluate.milliseconds(files)
    figures.update(
        weights=export.weights(made),
        bytes=path.stat().st_size,
        milliseconds=round(times[0], 2),
        yolox_nano_milliseconds=round(times[1], 2) if len(times) > 1 else None,
        share_of_yolox_nano=round(1 / quotients[1], 3) if len(times) > 1 else None,
        largest_difference=difference,
        seed=args.seed,
        test_seed=TEST_SEED + args.seed,
        version=VERSION,
        epochs=args.epochs,
        training_frames=args.frames,
        cameras=cameras,
        images_per_second=round(speed, 1),
        cpus=os.cpu_count(),
        machine=platform.machine(),
    )
    return figures, found


def main():
    args = arguments()
    start = time.time()
    fix_seeds(args.seed)
    everything, numbers, held_out, test = frames(args)
    trainer = Trainer(args.seed)
    history, speed = train(trainer, everything, numbers, held_out, args)
    say("exporting, evaluating")
    figures, found = write(args, trainer, int(everything.cameras.max()) + 1, held_out, test, history, speed)
    figures["minutes"] = round((time.time() - start) / 60, 1)
    card.write(args.out, figures, history, found, test)
    say(json.dumps(figures))
    card.say_targets(figures, say)
    say(f"{args.out / 'persons.onnx'} and its card are written; {figures['minutes']} minutes")


if __name__ == "__main__":
    main()
