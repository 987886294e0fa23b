"""AdamW with warm-up and a cosine, and an average of the weights over the last steps."""

import math

import tensorflow as tf

RATE = 2e-3
DECAY = 0.02
WARM_UP = 300
FINAL_SHARE = 0.02
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

# The gradient of a step is cut to this length: early steps with a wild picture do no harm.
LONGEST = 10.0

# How far back the average reaches, in steps, once that many were made.
AVERAGED = 1500.0


def rate(step, steps):
    """The learning rate of a step: up in a line, then down along a cosine."""
    warm_up = min(WARM_UP, steps // 5 + 1)
    if step < warm_up:
        return RATE * (step + 1) / warm_up
    along = (step - warm_up) / max(1, steps - warm_up)
    return RATE * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * along)))


class AdamW:
    """Loshchilov and Hutter, arXiv 1711.05101. Kernels decay; what scales and shifts does not."""

    def __init__(self, variables):
        self.variables = variables
        self.first = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self.second = [tf.Variable(tf.zeros_like(v)) for v in variables]

    def step(self, gradients, rate, number):
        """`number` counts from 1, as a float."""
        gradients, _ = tf.clip_by_global_norm(gradients, LONGEST)
        correction = tf.sqrt(1.0 - BETA2**number) / (1.0 - BETA1**number)
        for variable, gradient, first, second in zip(self.variables, gradients, self.first, self.second):
            first.assign(BETA1 * first + (1.0 - BETA1) * gradient)
            second.assign(BETA2 * second + (1.0 - BETA2) * tf.square(gradient))
            change = correction * first / (tf.sqrt(second) + EPSILON)
            if len(variable.shape) == 4:
                change += DECAY * variable
            variable.assign_sub(rate * change)


class Average:
    """The weights as they were over the last steps, which find better than those of any one step."""

    def __init__(self, variables):
        self.variables = variables
        self.values = [tf.Variable(v) for v in variables]

    def follow(self, number):
        """After step `number` (a float, from 1). At first the average is short: the first weights are worth nothing."""
        share = tf.maximum(1.0 / AVERAGED, 1.0 / (1.0 + 0.2 * number))
        for value, variable in zip(self.values, self.variables):
            value.assign_add(share * (variable - value))

    def use(self):
        """Puts the average in the place of the weights."""
        for value, variable in zip(self.values, self.variables):
            variable.assign(value)
