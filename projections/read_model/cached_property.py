"""A property that is computed once for each object, without a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

Value_co = TypeVar("Value_co", covariant=True)


class CachedProperty(Generic[Value_co]):
    """`functools.cached_property` without its lock.

    Until Python 3.12, that lock is one for all objects of a class, held while the value is computed: a short query would
    wait until a long one has read the same property of another snapshot (https://github.com/python/cpython/issues/87634).
    Two threads that share an object may both compute the value.
    """

    def __init__(self, compute: Callable[[Any], Value_co]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value_co: ...

    def __get__(self, instance: object | None, owner: type) -> Self | Value_co:
        """Compute the value, and keep it in the object, where Python finds it from then on."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
