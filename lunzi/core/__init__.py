"""Tensors, primitives, gradients, random numbers and tracing. Needs NumPy alone."""

import warnings

# Infinity and NaN are values here (ln 0, a loss that diverges): Trainer and `isfinite` find them.
# NumPy would warn of each, from a line of ours. Its errstate costs 0.8 us an operation; this
# filter costs nothing.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"lunzi\.core\.")
