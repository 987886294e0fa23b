"""The network, described once and built twice: by TensorFlow to train it, by ONNX to ship it.

`detector` names every layer in order. `ops` does what it names: `Layers` here computes with TensorFlow,
`export.Graph` writes ONNX nodes. Pictures are N x H x W x 3 in TensorFlow and N x 3 x H x W in ONNX: blue, green, red,
0 to 255, H and W multiples of 32.

Dense 3x3 convolutions with ReLU, channels in sixteens: that is what a CPU is fast at. Depthwise convolutions and SiLU
save multiplications and cost time there.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

STRIDES = (8, 16, 32)

# Numbers for each cell: x, y, width, height, object, class.
NUMBERS = 6

# Goes into the first convolution when it is exported. A factor and no shift: zeros around the picture stay zeros.
PIXEL_SCALE = 1.0 / 64.0

# Of batch normalisation.
EPSILON = 1e-3

# How fast the moving mean and variance follow those of the batches.
MOMENTUM = 0.03

# Before training a cell says "person" with 1 %: most cells have none, and the first steps need not learn that.
PRIOR = -4.6


def detector(ops, x):
    """Three maps of 6 numbers a cell, for strides 8, 16 and 32, before any sigmoid."""
    x = ops.conv("stem", x, 16, 3, stride=2)
    x = ops.conv("down4", x, 16, 3, stride=2)
    x = ops.conv("down8", x, 48, 3, stride=2)
    c8 = residual(ops, "block8", x, 48, 16)
    x = ops.conv("down16", c8, 96, 3, stride=2)
    x = residual(ops, "block16a", x, 96, 32)
    c16 = residual(ops, "block16b", x, 96, 32)
    x = ops.conv("down32", c16, 128, 3, stride=2)
    x = residual(ops, "block32", x, 128, 64)

    p32 = surroundings(ops, x)
    p16 = ops.conv("side16", c16, 64, 1, add=ops.double(p32))
    p8 = ops.conv("side8", c8, 48, 1, add=ops.double(ops.conv("to8", p16, 48, 1)))
    return [head(ops, stride, p) for stride, p in zip(STRIDES, (p8, p16, p32))]


def residual(ops, name, x, channels, inner):
    """A bottleneck of `inner` channels around which its input is carried."""
    y = ops.conv(f"{name}.in", x, inner, 1)
    return ops.conv(f"{name}.out", y, channels, 3, add=x)


def surroundings(ops, x):
    """What is around a cell, near and far: three poolings of 5x5 in a row, beside their input."""
    pools = [ops.conv("pool.in", x, 64, 1)]
    for _ in range(3):
        pools.append(ops.pool5(pools[-1]))
    return ops.conv("pool.out", ops.concat(pools), 64, 1)


def head(ops, stride, x):
    """One 3x3 convolution, then the six numbers."""
    x = ops.conv(f"head{stride}", x, 48, 3)
    return ops.conv(f"out{stride}", x, NUMBERS, 1, last=True)


def cells(height, width):
    """All cells in the order of the output, A x 3: column, row, stride in pixels."""
    rows = []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        rows.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
    return np.concatenate(rows).astype(np.float32)


def narrow():
    """Whether this CPU multiplies numbers of 16 bits (bfloat16) faster than of 32: the arithmetic of learning may then use
    them, with the weights kept in 32. What is shipped and what is measured never does."""
    try:
        told = Path("/proc/cpuinfo").read_text()
        return "avx512_bf16" in told or "amx_bf16" in told
    except OSError:
        return False


class Pack:
    """Many named arrays in one variable: one addition moves them all, where one each would cost more than the arithmetic."""

    def __init__(self, values):
        self.shapes = {name: np.shape(value) for name, value in values.items()}
        self.variable = tf.Variable(np.concatenate([np.ravel(v) for v in values.values()]).astype(np.float32))

    def unpacked(self):
        """The arrays by name."""
        sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        parts = tf.split(self.variable, sizes)
        return {name: tf.reshape(part, shape) for (name, shape), part in zip(self.shapes.items(), parts)}

    def packed(self, arrays):
        """Arrays by name as one vector."""
        return tf.concat([tf.reshape(arrays[name], [-1]) for name in self.shapes], 0)


class Layers:
    """`ops` in TensorFlow. The first pass, over nothing, finds out what variables there are; the seed fixes them."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.learning = False
        self.narrow = narrow()
        self.weights, self.moving = {}, {}
        self.building = True
        self.pass_over(tf.zeros((1, 64, 64, 3)))
        self.building = False
        self.trained = Pack(self.weights)  # what the gradient moves
        self.followed = Pack(self.moving)  # means and variances, which follow the batches
        self.kernels = np.concatenate([np.full(np.size(v), np.ndim(v) == 4) for v in self.weights.values()])

    def run(self, pictures, learning=False):
        """N x H x W x 3 of 0 to 255 to N x A x 6, before any sigmoid."""
        self.learning = learning
        self.weights, self.moving = self.trained.unpacked(), self.followed.unpacked()
        output = self.pass_over(pictures)
        if learning:
            self.followed.variable.assign(self.followed.packed(self.moving))
        return output

    def pass_over(self, pictures):
        maps = detector(self, tf.cast(pictures * PIXEL_SCALE, self.kind()))
        flat = [tf.reshape(m, (-1, m.shape[1] * m.shape[2], NUMBERS)) for m in maps]
        return tf.concat(flat, 1)

    def kind(self):
        """The kind of numbers that go through the network."""
        return tf.bfloat16 if self.learning and self.narrow else tf.float32

    def values(self):
        """All arrays by name, numpy."""
        return {name: array.numpy() for name, array in {**self.trained.unpacked(), **self.followed.unpacked()}.items()}

    def kernel(self, name, shape):
        if self.building:
            deviation = np.sqrt(2.0 / np.prod(shape[:3]))
            self.weights[name] = self.random.normal(0.0, deviation, shape).astype(np.float32)
        return self.weights[name]

    def vector(self, kind, name, values):
        if self.building:
            kind[name] = np.asarray(values, np.float32)
        return kind[name]

    def conv(self, name, x, channels, size, stride=1, add=None, last=False):
        """Convolution, normalisation, what is to be added, ReLU; the last of a branch has a bias instead of all that."""
        kernel = self.kernel(f"{name}/kernel", (size, size, x.shape[-1], channels))
        y = tf.nn.conv2d(x, tf.cast(kernel, x.dtype), stride, "SAME")
        if last:
            return tf.cast(y, tf.float32) + self.vector(self.weights, f"{name}/bias", [0, 0, 0, 0, PRIOR, 0])
        y = self.normal(name, y, channels)
        return tf.nn.relu(y if add is None else y + add)

    def normal(self, name, x, channels):
        """Batch normalisation; while learning, the moving mean and variance follow."""
        gamma = self.vector(self.weights, f"{name}/gamma", np.ones(channels))
        beta = self.vector(self.weights, f"{name}/beta", np.zeros(channels))
        mean = self.vector(self.moving, f"{name}/mean", np.zeros(channels))
        variance = self.vector(self.moving, f"{name}/variance", np.ones(channels))
        batch_norm = tf.compat.v1.nn.fused_batch_norm
        if not self.learning:
            return batch_norm(x, gamma, beta, mean, variance, epsilon=EPSILON, is_training=False)[0]
        y, batch_mean, batch_variance = batch_norm(x, gamma, beta, epsilon=EPSILON, is_training=True)
        self.moving[f"{name}/mean"] = mean + MOMENTUM * (batch_mean - mean)
        self.moving[f"{name}/variance"] = variance + MOMENTUM * (batch_variance - variance)
        return y

    def double(self, x):
        """Every cell becomes 2x2."""
        n, height, width, channels = x.shape
        x = tf.reshape(x, (-1, height, 1, width, 1, channels))
        return tf.reshape(tf.tile(x, (1, 1, 2, 1, 2, 1)), (-1, 2 * height, 2 * width, channels))

    def pool5(self, x):
        return tf.nn.max_pool2d(x, 5, 1, "SAME")

    def concat(self, xs):
        return tf.concat(xs, -1)
