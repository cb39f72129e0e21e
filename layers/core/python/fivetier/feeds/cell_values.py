"""What a cell transform gives, and how it refuses."""

from datetime import date
from typing import TypeAlias

Value: TypeAlias = str | int | date | None


class CellUnreadable(ValueError):
    """A cell's text is no value of its column; the row is quarantined, the file goes on.

    `reason_code` says why where the field's own code would say too little.
    """

    def __init__(self, message: str, *, reason_code: str | None = None) -> None:
        super().__init__(message)
        self.reason_code = reason_code
