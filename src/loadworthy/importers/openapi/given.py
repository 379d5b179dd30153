"""What steps need and cannot make up: identifiers that other steps give, and rows that the user fills in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from loadworthy.importers.openapi.things import Named

CREATE, LISTING = "create", "listing"
_MOST_CHARACTERS = 60


class Giver(Protocol):
    """What gives values that only other steps know."""

    def give(self, named: Named, where: str | None, way: str) -> str | None:
        """The template of an identifier, after the step that finds it was put in; None where none does.

        Args:
            named: which one.
            where: the shape of the collection's path, where it is known.
            way: ``create`` or ``listing``.
        """

    def proof(self, name: str) -> str | None:
        """The template of a code that the answer to a create is known to hold; None where none does."""


@dataclass(slots=True)
class Rows:
    """Test data that the user has to fill in.

    Args:
        columns: name of the data → (column, placeholder, for which parameter).
    """

    columns: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def template(self, named: Named, placeholder: str, where: str) -> str:
        """The value of a row that is still to be written."""
        name = f"{named.noun[:_MOST_CHARACTERS]}_rows"
        self.columns.setdefault(name, (named.key, placeholder, where))
        return f"{{{{ {name}.{self.columns[name][0]} }}}}"
