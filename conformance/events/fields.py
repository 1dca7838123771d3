"""Access to a record as to a dictionary, until every reader takes its attributes."""

from typing import Any

from msgspec import UNSET, Struct


class Fields(Struct, frozen=True):
    """A record whose set fields can be read as items, `type` among them."""

    def get(self, name: str, default: Any = None) -> Any:
        """The field, or the default where it is not set."""
        value = getattr(self, name, UNSET)
        if name == "type" and value is UNSET:
            value = self.__struct_config__.tag
        return default if value is UNSET else value

    def __getitem__(self, name: str) -> Any:
        value = self.get(name, UNSET)
        if value is UNSET:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name, UNSET) is not UNSET
