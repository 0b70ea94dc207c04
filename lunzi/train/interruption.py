"""Ctrl-C between two steps, not in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interruption:
    """Inside a `with` block Ctrl-C is noted, for the loop to act on between steps.

    A second Ctrl-C interrupts at once, for whoever cannot wait. One that nobody has acted on
    interrupts at the end of the block, so that none is lost.

    Signals reach the main thread alone; in another one nothing is changed. Neither is it where
    the program ignores Ctrl-C, as under nohup.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        # None is a handler that was not made in Python, and that nobody could put back.
        if in_main_thread and signal.getsignal(signal.SIGINT) not in (None, signal.SIG_IGN):
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if error is None:
            self.end_if_requested()

    def end_if_requested(self) -> None:
        """Raise KeyboardInterrupt where Ctrl-C was noted."""
        if self.requested:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.end_if_requested()
        self.requested = True
