"""The arguments of a call by name."""

import inspect
from collections.abc import Mapping
from typing import Any, Final

Arguments = Mapping[str, Any]
"""The arguments of one call by name, its defaults among them."""

_GATHERING: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Binding:
    """Binds the arguments of one function's calls; an unfit call has none.

    ``Signature.bind`` takes longer than the rest of a record, and is asked only where it must be.

    >>> def ask(text, *, limit=3): ...
    >>> Binding(inspect.signature(ask))(("hi",), {})
    {'text': 'hi', 'limit': 3}
    >>> Binding(inspect.signature(ask))((), {"limit": 1})
    {}
    """

    def __init__(self, signature: inspect.Signature) -> None:
        parameters = signature.parameters.values()
        self.names = tuple(signature.parameters)
        self._signature = signature
        self._plain = all(parameter.kind not in _GATHERING for parameter in parameters)
        self._by_place = tuple(p.name for p in parameters if p.kind != p.KEYWORD_ONLY)
        # In the order of the signature; a default takes the place of what is not given.
        self._defaults = {p.name: p.default for p in parameters}
        self._needed = frozenset(p.name for p in parameters if p.default is p.empty)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments of one call."""
        if not self._plain or len(args) > len(self._by_place):
            return self._bound(args, kwargs)
        given = dict(zip(self._by_place, args, strict=False))
        given.update(kwargs)
        bound = {**self._defaults, **given}
        if len(bound) > len(self._defaults) or not self._needed <= given.keys():
            return self._bound(args, kwargs)
        return bound

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return {}  # the function itself says what is wrong with them
        bound.apply_defaults()
        return bound.arguments
