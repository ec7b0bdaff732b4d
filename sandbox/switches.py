"""What is not established about Order Time, decided: one switch each, with a default.

The defaults are the readings that are hardest on a client. Turn a switch to prove
that a client also stands the other reading.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Switches:
    """How the stand-in behaves where the vendor's documents are silent.

    Attributes:
        over_max: NumberOfRecords above 1000 is cut to 1000, or refused.
        past_end: a page past the last one is an empty array, or refused.
        unknown_property: a filter or sort on a property that no record has is
            refused, or left out.
        unknown_key: a key that ListInfo does not have (`PageNo`) is ignored, which
            leaves its default in force, or refused.
        unknown_id: status of a GET for an id that does not exist.
        validation_key: spelling in the ValidationResult of a 409.
        empties: an empty property is there as null, or left out of the object.
        dates: RecordInfo dates end in `Z`, have no zone, or 7 digits and `Z`.
        stock_ids: rows of types 1111 and 1112 carry an `Id`.
        gzip: bodies are compressed for clients that accept it.
        forbidden: record types that the user's role may not see; reading one is 403.
        now: the server's clock, for date macros and the Date header; None is the
            real one.
    """

    over_max: Literal["clamp", "400"] = "clamp"
    past_end: Literal["empty", "400"] = "empty"
    unknown_property: Literal["400", "ignore"] = "400"
    unknown_key: Literal["ignore", "400"] = "ignore"
    unknown_id: Literal["400", "404"] = "400"
    validation_key: Literal["ProperyName", "PropertyName"] = "ProperyName"
    empties: Literal["null", "omit"] = "null"
    dates: Literal["utc", "naive", "ticks"] = "utc"
    stock_ids: bool = False
    gzip: bool = False
    forbidden: frozenset[int] = field(default_factory=frozenset)
    now: datetime | None = None
