"""Interval estimates as pure arithmetic."""

from math import sqrt

Z_95 = 1.959963984540054  # the standard normal's 97.5th percentile


def wilson(successes: int, trials: int, *, z: float = Z_95) -> tuple[float | None, float | None]:
    """The Wilson score interval of a share, 95 % by default; (None, None) without trials.

    Definition: domain.md 3.7. A period rate may exceed 1 (more arrivals than departures); it has no interval either.
    """
    if trials <= 0 or successes > trials:
        return None, None
    share, squared = successes / trials, z * z
    centre = (share + squared / (2 * trials)) / (1 + squared / trials)
    half = z * sqrt(share * (1 - share) / trials + squared / (4 * trials * trials)) / (1 + squared / trials)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    # At the ends the interval touches them exactly; rounding errors would leave 1e-17.
    return (0.0 if successes == 0 else low), (1.0 if successes == trials else high)


def difference(
    successes: int, trials: int, other_successes: int, other_trials: int, *, z: float = Z_95
) -> tuple[float | None, float | None]:
    """The interval of one share minus another, from the two Wilson intervals (Newcombe's hybrid score method).

    (None, None) where either has no trials, or more successes than trials.
    """
    low, high = wilson(successes, trials, z=z)
    other_low, other_high = wilson(other_successes, other_trials, z=z)
    if low is None or high is None or other_low is None or other_high is None:
        return None, None
    share, other = successes / trials, other_successes / other_trials
    below = sqrt((share - low) ** 2 + (other_high - other) ** 2)
    above = sqrt((high - share) ** 2 + (other - other_low) ** 2)
    return max(-1.0, share - other - below), min(1.0, share - other + above)
