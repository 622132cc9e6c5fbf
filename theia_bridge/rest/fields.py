"""Members that several requests have, documented as `auth.fields` checks them.

Their limits are in the document only: what `auth` says about a wrong one is fit for a form, and names all
fields that are wrong at once.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from auth.fields import EMAIL_LIMIT, NAME_LIMIT, PASSWORD_LIMITS

Email = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "format": "idn-email",
            "maxLength": EMAIL_LIMIT,
            "examples": ["ada@example.com"],
        }
    ),
]
Name = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "maxLength": NAME_LIMIT,
            "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
            "examples": ["Ada Lovelace"],
        }
    ),
]
NewPassword = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "format": "password",
            "minLength": PASSWORD_LIMITS[0],
            "maxLength": PASSWORD_LIMITS[1],
            "examples": ["open sesame, please"],
        }
    ),
]
Password = Annotated[
    str,
    msgspec.Meta(
        max_length=PASSWORD_LIMITS[1],
        extra_json_schema={"format": "password", "examples": ["open sesame, please"]},
    ),
]
