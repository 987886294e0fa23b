"""AdamW with warm-up and a cosine, and an average of the weights over the last steps."""

import math

import tensorflow as tf

RATE = 1.5e-3
DECAY = 0.02
WARM_UP = 600
FINAL_SHARE = 0.02
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

# The gradient of a step is cut to this length: early steps with a wild picture do no harm.
LONGEST = 10.0

# How far back the average reaches, in steps, once that many were made.
AVERAGED = 3000.0


def rate(step, steps):
    """The learning rate of a step: up in a line, then down along a cosine."""
    warm_up = min(WARM_UP, steps // 5 + 1)
    if step < warm_up:
        return RATE * (step + 1) / warm_up
    along = (step - warm_up) / max(1, steps - warm_up)
    return RATE * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * along)))


class AdamW:
    """Loshchilov and Hutter, arXiv 1711.05101. `decays` says which numbers do: kernels, not what scales and shifts."""

    def __init__(self, variable, decays):
        self.variable = variable
        self.decay = tf.constant(DECAY * decays, tf.float32)
        self.first = tf.Variable(tf.zeros_like(variable))
        self.second = tf.Variable(tf.zeros_like(variable))

    def step(self, gradient, rate, number):
        """`number` counts from 1, as a float."""
        gradient = tf.clip_by_norm(gradient, LONGEST)
        first = self.first.assign(BETA1 * self.first + (1.0 - BETA1) * gradient)
        second = self.second.assign(BETA2 * self.second + (1.0 - BETA2) * tf.square(gradient))
        correction = tf.sqrt(1.0 - BETA2**number) / (1.0 - BETA1**number)
        change = correction * first / (tf.sqrt(second) + EPSILON) + self.decay * self.variable
        self.variable.assign_sub(rate * change)


class Average:
    """Variables as they were over the last steps, which find better than those of any one step."""

    def __init__(self, *variables):
        self.variables = variables
        self.values = [tf.Variable(v) for v in variables]

    def follow(self, number):
        """After step `number` (a float, from 1). At first the average is short: the first weights are worth nothing."""
        share = tf.maximum(1.0 / AVERAGED, 1.0 / (1.0 + 0.2 * number))
        for value, variable in zip(self.values, self.variables):
            value.assign_add(share * (variable - value))

    def use(self):
        """Puts the average in the place of the variables."""
        for value, variable in zip(self.values, self.variables):
            variable.assign(value)
