"""From accepted source rows to a candidate, in the way the line of business calls for."""

from fivetier.domain.contracts import resolve_contracts
from fivetier.domain.dictionary import Dictionary, parent_dictionary
from fivetier.domain.lobs import lob_settings
from fivetier.domain.resolution import Resolution, RunContext, SourceRows
from fivetier.domain.slice import Slice
from fivetier.domain.structure import resolve_structure


def resolve(
    rows: SourceRows, context: RunContext, published: Slice, dictionary: Dictionary | None = None
) -> Resolution:
    """Build the candidate slice for a month.

    Args:
        rows: accepted source rows by role.
        context: the run.
        published: the slice readers see now; an empty one before the first publication.
        dictionary: reviewed parent names; those shipped with fivetier unless given.
    """
    way = resolve_contracts if lob_settings()[context.lob.value].has_contracts else resolve_structure
    return way(rows, context, published, parent_dictionary() if dictionary is None else dictionary)
