"""Small changes to pictures, so that the network learns people and not rooms: mirrored, nearer or farther, other light."""

import tensorflow as tf

from loss import COUNTS, NEITHER, NONE

PADDING = 114.0

# Of the pictures that keep their size: the network meets no others once it is trained.
KEPT = 0.35
NEAREST, FARTHEST = 1.25, 0.75

# A person of whom the picture's border leaves less than this share counts neither way.
LEFT_OF_A_PERSON = 0.5


def augment(pictures, boxes, kinds, height, strength):
    """B x h x w x 3 (uint8) to B x height x w x 3 (float, padded with 114), and the boxes where they are then.

    `strength` 1 changes size and place, 0 only mirrors and changes the light.
    """
    batch, source_height, width = tf.shape(pictures)[0], pictures.shape[1], pictures.shape[2]
    scale = tf.random.uniform([batch], FARTHEST, NEAREST)
    scale = tf.where(tf.random.uniform([batch]) < KEPT + (1.0 - KEPT) * (1.0 - strength), 1.0, scale)
    shift_x = tf.random.uniform([batch]) * width * (1.0 - scale)
    shift_y = tf.random.uniform([batch]) * source_height * (1.0 - scale)
    mirrored = tf.random.uniform([batch]) < 0.5
    pictures = place(pictures, scale, shift_x, shift_y, mirrored, height)
    boxes, kinds = move(boxes, kinds, scale, shift_x, shift_y, mirrored, (width, source_height))
    return light(pictures), boxes, kinds


def place(pictures, scale, shift_x, shift_y, mirrored, height):
    """Where the centre of each new pixel lies in the old picture, and what is there."""
    source_height, width = pictures.shape[1], pictures.shape[2]

    def ends(length, shift):
        first = (0.5 - shift) / scale - 0.5
        last = (length - 0.5 - shift) / scale - 0.5
        return first, last

    left, right = ends(width, shift_x)
    left, right = tf.where(mirrored, width - 1 - left, left), tf.where(mirrored, width - 1 - right, right)
    top, bottom = ends(height, shift_y)
    region = tf.stack([top / (source_height - 1), left / (width - 1), bottom / (source_height - 1), right / (width - 1)], 1)
    which = tf.range(tf.shape(pictures)[0])
    return tf.image.crop_and_resize(pictures, region, which, (height, width), extrapolation_value=PADDING)


def move(boxes, kinds, scale, shift_x, shift_y, mirrored, size):
    """Boxes (B x G x 4) as their pictures were moved, cut at the picture's border, and what they are then."""
    width, height = size
    left, top, right, bottom = tf.unstack(boxes, axis=-1)
    flip = mirrored[:, None]
    left, right = tf.where(flip, width - right, left), tf.where(flip, width - left, right)
    scale, x, y = scale[:, None], shift_x[:, None], shift_y[:, None]
    moved = tf.stack([left * scale + x, top * scale + y, right * scale + x, bottom * scale + y], -1)
    low = tf.maximum(moved, 0.0)
    cut = tf.minimum(low, tf.constant([width, height, width, height], tf.float32))

    def area(b):
        return tf.maximum(b[..., 2] - b[..., 0], 0.0) * tf.maximum(b[..., 3] - b[..., 1], 0.0)

    share = area(cut) / tf.maximum(area(moved), 1e-6)
    kinds = tf.where((kinds == COUNTS) & (share < LEFT_OF_A_PERSON), NEITHER, kinds)
    return cut, tf.where(area(cut) < 1.0, NONE, kinds)


def light(pictures):
    """Brightness, contrast, colour of the light, strength of colours; one draw a picture, one matrix for all of it.

    Values may leave 0 to 255 a little: cutting them costs a pass over the pictures and teaches nothing.
    """
    batch, height, width = tf.shape(pictures)[0], pictures.shape[1], pictures.shape[2]

    def draw(low, high, columns=1):
        return tf.random.uniform([batch, 1, columns], low, high)

    strength, gain = draw(0.5, 1.3), draw(0.8, 1.2) * draw(0.95, 1.05, 3)
    matrix = (strength * tf.eye(3) + (1.0 - strength) / 3.0) * gain
    middle = tf.reduce_mean(pictures[:, ::8, ::8], (1, 2, 3))[:, None, None]
    shift = middle * (draw(0.75, 1.25) - gain)
    pictures = tf.matmul(tf.reshape(pictures, (-1, height * width, 3)), matrix) + shift
    return tf.reshape(pictures, (-1, height, width, 3))
