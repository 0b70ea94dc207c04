"""Tensors, primitives, gradients, random numbers and tracing. Needs NumPy alone."""
