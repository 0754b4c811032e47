"""Pages of tables that may hold a hundred million rows: counting stops where nobody reads on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.utils.functional import cached_property

COUNT_LIMIT = 2_000
"""Rows that are counted; of more it is only known that there are more."""
FURTHEST = 100_000
"""Rows that a page may lie behind: all of them are read on the way. Filters and the search reach what is older."""


class BoundedPaginator(Paginator):
    """A paginator whose count is exact up to COUNT_LIMIT and says COUNT_LIMIT beyond; its pages go on to FURTHEST."""

    @cached_property
    def _counted(self) -> int:
        rows = self.object_list
        if not hasattr(rows, "query"):
            return len(rows)
        return rows.order_by()[: COUNT_LIMIT + 1].count()

    @property
    def exact(self) -> bool:
        """Whether ``count`` is all there is."""
        return self._counted <= COUNT_LIMIT

    @property
    def count(self) -> int:
        """Rows, at most COUNT_LIMIT."""
        return min(self._counted, COUNT_LIMIT)

    def validate_number(self, number: Any) -> int:
        """The page's number; beyond the counted rows every page may be there."""
        if self.exact:
            return super().validate_number(number)
        try:
            number = int(number)
        except (TypeError, ValueError):
            raise InvalidPage("That page number is not an integer")
        if not 1 <= number <= FURTHEST // self.per_page:
            raise InvalidPage("That page number is out of range")
        return number

    def page(self, number: Any) -> BoundedPage:
        """A page, with a look at whether one row follows it."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        return BoundedPage(rows[: self.per_page], number, self, more=len(rows) > self.per_page)


class BoundedPage(Page):
    """A page that knows by looking whether there is another."""

    def __init__(self, object_list: Sequence[Any], number: int, paginator: Paginator, *, more: bool) -> None:
        super().__init__(object_list, number, paginator)
        self._more = more

    def has_next(self) -> bool:
        """Whether a row follows."""
        return self._more
