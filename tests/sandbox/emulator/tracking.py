"""The number of tasks that a policy of target tracking wants.

As AWS's pages say: three periods of a minute above the target scale out, fifteen below nine tenths of it scale in. The new number brings the average to
the target. AWS computes the limit for a scale-in and does not publish how, so nine tenths is a simplification.
"""

import math

OUT, IN, LOW = 3, 15, 0.9


def proposal(desired, target, values):
    """The number of tasks that a policy wants, from the averages of the last periods, the latest last; None for no change, and without data."""
    if len(values) >= OUT and all(value is not None and value > target for value in values[-OUT:]):
        return math.ceil(desired * values[-1] / target)
    if len(values) >= IN and all(value is not None and value < LOW * target for value in values[-IN:]):
        return math.ceil(desired * max(values[-IN:]) / target)
    return None
