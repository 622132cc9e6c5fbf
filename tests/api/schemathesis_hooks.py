"""What schemathesis is told of the formats that only this API knows. Loaded by it, see schemathesis.toml."""

from typing import Any

import jwt
import schemathesis
from hypothesis import strategies as st

_email = st.from_regex(r"[a-z]{1,9}@[a-zü0-9]{1,9}(\.[a-z]{2,9}){0,2}", fullmatch=True)
schemathesis.openapi.format("idn-email", _email)
schemathesis.openapi.format("etag", st.sampled_from(["*", '"a"', 'W/"a"']))
schemathesis.openapi.format("file-path", st.from_regex(r"(workspace|home)/[a-zé]{1,3}", fullmatch=True))
# A cursor is good only for the list that gave it; stateful tests take theirs from the answers.
schemathesis.openapi.format("cursor", st.just(""))


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, object]
) -> None:
    """Spares the session that a test is signed in to: without it, all further ones would be refused."""
    token = str(case.headers.get("Authorization", "")).removeprefix("Bearer ")
    if case.operation.label == "DELETE /api/v5/sessions/{id}" and token.count(".") == 2:
        own = jwt.decode(token, options={"verify_signature": False}).get("sid")
        if case.path_parameters.get("id") == own:
            case.path_parameters["id"] = "0"
