"""Recurrent layers: a state that goes on from step to step of a sequence."""

from lunzi.nn.recurrent.cell import GRUCell, LSTMCell, RNNCell
from lunzi.nn.recurrent.layer import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]
