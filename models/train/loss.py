"""What training makes small.

Object probability: is there a person at this cell? Class probability: how well does its box fit? Both are trained, as in
YOLOX: with one class the second would say nothing new if it were taught 0 and 1, so it is taught the overlap (IoU) of its
box. Their product then prefers, among cells that see the same person, the one with the best box, and that is the one
non-maximum suppression keeps.

Persons that count neither way (hidden, tiny) take their cells out of the object loss.
"""

import tensorflow as tf

from assign import assign, candidates
from network import cells

BOX_WEIGHT = 5.0

# Kinds of boxes.
NONE, COUNTS, NEITHER = 0, 1, 2

bce = tf.nn.sigmoid_cross_entropy_with_logits


def losses(output, boxes, kinds, height, width):
    """Box, object and class loss, each for one answering cell, and their weighted sum.

    `output` B x A x 6 before sigmoids; `boxes` B x G x 4, corners in pixels; `kinds` B x G.
    """
    grid = cells(height, width)
    index, exists = candidates(boxes, height, width)
    said = tf.gather(output, index, batch_dims=1)
    said_boxes = decode(said, tf.gather(tf.constant(grid), index))
    iou, giou = overlaps(said_boxes, boxes[..., None, :])

    score = tf.math.log_sigmoid(said[..., 4]) + tf.math.log_sigmoid(said[..., 5])
    allowed = exists & (kinds == COUNTS)[..., None]
    answers = assign(tf.stop_gradient(score), tf.stop_gradient(iou), index, allowed, len(grid))
    weight = tf.cast(answers, tf.float32)
    number = tf.maximum(tf.reduce_sum(weight), 1.0)

    box = tf.reduce_sum(weight * (1.0 - giou)) / number
    quality = tf.reduce_sum(weight * bce(tf.stop_gradient(iou), said[..., 5])) / number
    right, matters = object_targets(weight, index, boxes, kinds, grid)
    thing = tf.reduce_sum(matters * bce(right, output[..., 4])) / number
    return box, thing, quality, BOX_WEIGHT * box + thing + quality


def object_targets(weight, index, boxes, kinds, grid):
    """For each cell, B x A: 1 where it answers for a person, else 0; and 0 where it is neither right nor wrong, else 1."""
    batch, count = tf.shape(index)[0], len(grid)
    cell = index + tf.range(batch)[:, None, None] * count
    right = tf.math.unsorted_segment_max(tf.reshape(weight, [-1]), tf.reshape(cell, [-1]), batch * count)
    right = tf.reshape(tf.maximum(right, 0.0), (batch, count))
    x, y = (grid[:, 0] + 0.5) * grid[:, 2], (grid[:, 1] + 0.5) * grid[:, 2]
    left, top, end, bottom = tf.unstack(boxes[..., None, :], axis=-1)
    inside = (x > left) & (x < end) & (y > top) & (y < bottom) & (kinds == NEITHER)[..., None]
    matters = 1.0 - tf.cast(tf.reduce_any(inside, 1), tf.float32)
    return right, tf.maximum(matters, right)


def decode(said, cell):
    """Corners in pixels from raw numbers (... x 6) and their cells (... x 3)."""
    stride = cell[..., 2:]
    centre = (said[..., :2] + cell[..., :2]) * stride
    # Beyond e^6 strides there is no picture; without a bound an early step overflows.
    half = tf.exp(tf.minimum(said[..., 2:4], 6.0)) * stride / 2
    return tf.concat([centre - half, centre + half], -1)


def overlaps(a, b):
    """IoU, and GIoU: the same, less the empty share of the box around both."""
    low, high = tf.maximum(a[..., :2], b[..., :2]), tf.minimum(a[..., 2:], b[..., 2:])
    both = tf.reduce_prod(tf.maximum(high - low, 0.0), -1)
    either = tf.reduce_prod(a[..., 2:] - a[..., :2], -1) + tf.reduce_prod(b[..., 2:] - b[..., :2], -1) - both
    low, high = tf.minimum(a[..., :2], b[..., :2]), tf.maximum(a[..., 2:], b[..., 2:])
    around = tf.reduce_prod(high - low, -1)
    iou = both / (either + 1e-6)
    return iou, iou - (around - either) / (around + 1e-6)
