"""Whatever is raised on the way becomes a problem response."""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from theia_bridge.errors import kind_of_status
from theia_bridge.problems import problem, problem_of

_log = logging.getLogger(__name__)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what handlers raise into problem responses."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        status = HTTPStatus(error.status)
        headers = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        # aiohttp's own text when none was given is "404: Not Found"
        detail = (error.text or "").removeprefix(f"{error.status}: ") or status.phrase
        return problem(status, kind_of_status(status), status.phrase, detail, headers=headers)
    except (ConnectionResetError, ConnectionAbortedError):
        raise  # nobody is there any more to be told
    except Exception as error:  # the last stop: what is not in the table is logged and told as ours
        response = problem_of(error)
        if response is not None:
            return response
        _log.exception("%s %s failed", request.method, request.rel_url.raw_path)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return problem(status, "InternalError", status.phrase, "Something went wrong on the server.")
