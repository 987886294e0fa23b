"""Which cells answer for which person: SimOTA.

Ge et al., *YOLOX: Exceeding YOLO Series in 2021* (arXiv 2107.08430), as in its later code: only the 3x3 cells around a
person's centre, on each of the three levels, may answer for it. So each person has 27 candidates, and costs are
B x G x 27 rather than B x G x A. Among them, those that already do best are told to; how many, their overlap says.
"""

import numpy as np
import tensorflow as tf

from network import STRIDES

# How much a poor box costs against a poor score.
BOX_WEIGHT = 3.0
FAR = 1e6


def candidates(boxes, height, width):
    """The 27 cells of each box (B x G x 4: corners, pixels): their index into A, and whether they exist."""
    around = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)], np.int32)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    index, exists, first = [], [], 0
    for stride in STRIDES:
        columns, rows = width // stride, height // stride
        cell = tf.cast(tf.floor(centre / stride), tf.int32)[..., None, :] + around
        x, y = cell[..., 0], cell[..., 1]
        exists.append((x >= 0) & (x < columns) & (y >= 0) & (y < rows))
        index.append(first + tf.clip_by_value(y, 0, rows - 1) * columns + tf.clip_by_value(x, 0, columns - 1))
        first += columns * rows
    return tf.concat(index, -1), tf.concat(exists, -1)


def assign(score, iou, index, allowed, cell_count):
    """Which candidates answer: B x G x 27, true or false; no cell answers for two persons.

    `score` (log of the probability) and `iou` are what the candidates say now, `index` their cells, `allowed` whether
    they exist and their person counts.
    """
    iou = tf.where(allowed, iou, 0.0)
    cost = -0.5 * score - BOX_WEIGHT * tf.math.log(iou + 1e-8)
    cost = tf.where(allowed, cost, FAR)
    number = tf.reduce_sum(tf.math.top_k(iou, 10).values, -1)
    number = tf.maximum(tf.cast(number, tf.int32), 1)
    rank = tf.argsort(tf.argsort(cost, axis=-1), axis=-1)
    chosen = allowed & (rank < number[..., None])

    # A cell that two persons want goes to the one it is cheaper for.
    cost = tf.where(chosen, cost, FAR)
    cell = index + tf.range(tf.shape(index)[0])[:, None, None] * cell_count
    cheapest = tf.math.unsorted_segment_min(tf.reshape(cost, [-1]), tf.reshape(cell, [-1]), tf.shape(index)[0] * cell_count)
    return chosen & (cost <= tf.gather(cheapest, cell))
