"""How a log follows what happens to its process: forks, SIGTERM, the end of a child."""

import _thread
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Final

Method = Callable[[], None]

_PATIENCE_SECONDS: Final = 1.0


def follow_forks(before: Method, in_parent: Method, in_child: Method) -> None:
    """Call these methods of an object at every fork, for as long as the object lives."""
    os.register_at_fork(
        before=_weakly(before),
        after_in_parent=_weakly(in_parent),
        after_in_child=_weakly(in_child),
    )


def close_on_sigterm(close: Method) -> None:
    """Call a method of an object before the process dies of SIGTERM.

    Only where the signal would end the process: a handler that somebody set is not touched, and
    one that is set later takes the place of this one.
    """
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may ask for signals
    handler = signal.getsignal(signal.SIGTERM)
    if isinstance(handler, _Closing):
        handler.add(close)
    elif handler is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _Closing(close))


def close_at_the_end_of_a_child(close: Method) -> None:
    """Call a method of an object when this child of ``multiprocessing`` ends; elsewhere nothing.

    Such a child ends without ``atexit``. To be called once it runs: its start forgets what was
    registered before.
    """
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process and util and process.parent_process() is not None:
        util.Finalize(None, _weakly(close), exitpriority=100)


class _Closing:
    """A handler of SIGTERM: closes logs, then lets the process die of the signal as it would."""

    def __init__(self, close: Method) -> None:
        self._closes: list[Method] = []
        self.add(close)

    def add(self, close: Method) -> None:
        self._closes.append(_weakly(close))

    def __call__(self, number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second signal ends the process at once
        # The main thread may have been interrupted in the middle of a record: another thread
        # closes, behind that record. ``threading.Thread`` takes locks that may be held here, too.
        never = threading.Event()
        _thread.start_new_thread(self._end, (number,))
        never.wait(_PATIENCE_SECONDS)

    def _end(self, number: int) -> None:
        try:
            for close in self._closes:
                close()
        finally:
            os.kill(os.getpid(), number)


def _weakly(method: Method) -> Method:
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if living := reference():
            living()

    return call
