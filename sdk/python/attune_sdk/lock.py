"""Locks where there is one thread. Nobody would ever release a lock that one has to wait for, and the
wait itself ends a component without a word; here it raises an exception.

Only a component imports this."""

from __future__ import annotations

from typing import Any


class Lock:
    """Stands for ``threading.Lock``."""

    __slots__ = ("_held", "__weakref__")

    def __init__(self) -> None:
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Takes the lock, or says whether it could."""
        if not self._held:
            self._held = True
            return True
        if blocking:
            raise OSError(
                "a lock cannot be waited for: a plugin has one thread, so nobody would release it"
            )
        return False

    def release(self) -> None:
        """Gives the lock back."""
        if not self._held:
            raise RuntimeError("release unlocked lock")
        self._held = False

    def locked(self) -> bool:
        """Whether the lock is taken."""
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: Any) -> None:
        self.release()
