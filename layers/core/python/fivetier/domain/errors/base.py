"""The root of the error tree and its four branches."""


class FivetierError(Exception):
    """Root of everything fivetier raises on purpose."""

    @property
    def code(self) -> str:
        """The stable name used in run records, ASL and JSON."""
        return type(self).__name__


class InputError(FivetierError):
    """A landed file, or something typed by a person, cannot be used as it is."""


class RuleRefused(FivetierError):
    """A rule of the product says no. Nothing was changed."""


class IntegrityError(FivetierError):
    """Stored evidence does not agree with itself: stop and look."""


class NotFound(FivetierError):
    """The thing asked for does not exist."""
