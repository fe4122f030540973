"""The short way of an ordinary request: from its JSON to the endpoint's arguments, and from its reply to a response.

FastAPI finds out for each request what an endpoint's parameters are and where their values come from; here that is done
once for each route. Whatever is not ordinary is left to FastAPI, whose errors name what is wrong.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

from fastapi import Request, Response, params
from pydantic import BaseModel, TypeAdapter

from app.http.counting import SMALL_BODY_BYTES

JSON_TYPES = {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
Resolve = Callable[[Request], Awaitable[Any]]


class DirectEndpoint:
    """An endpoint, with what is known of its parameters and of the type that it returns.

    exclude_unset and exclude_none say which fields a reply's JSON leaves out.
    """

    def __init__(
        self, endpoint: Callable[..., Awaitable[Any]], reply: Any, exclude_unset: bool, exclude_none: bool
    ) -> None:
        """Raises TypeError for a parameter whose value can't be found here."""
        self._endpoint, self._exclude_unset, self._exclude_none = endpoint, exclude_unset, exclude_none
        self._reply: TypeAdapter[Any] = TypeAdapter(reply)
        self._body: type[BaseModel] | None = None
        self._dependencies: dict[str, Resolve] = {}
        self._path: list[str] = []
        self._headers: list[str] = []
        for name, parameter in inspect.signature(endpoint).parameters.items():
            self._add(name, parameter.annotation)

    def _add(self, name: str, annotation: Any) -> None:
        source = get_args(annotation)[-1] if get_origin(annotation) is Annotated else None
        if isinstance(source, params.Depends) and source.dependency is not None:
            self._dependencies[name] = source.dependency
        elif isinstance(source, params.Header):
            self._headers.append(name.replace("_", "-"))
        elif annotation is Request:
            self._dependencies[name] = _itself
        elif isinstance(source, params.Path):
            self._path.append(name)
        elif name == "body" and issubclass(annotation, BaseModel):
            self._body = annotation
        else:
            raise TypeError(f"the parameter {name} is neither a body, a name of the path, a header nor a dependency")

    async def arguments(self, request: Request) -> dict[str, Any] | None:
        """The endpoint's arguments; None for a request that FastAPI has to read. Raises what dependencies raise."""
        if any(name in request.headers for name in self._headers):
            return None
        arguments: dict[str, Any] = {name: request.path_params[name] for name in self._path}
        if self._body is not None:
            if request.headers.get("content-type", "").lower() not in JSON_TYPES:
                return None
            if len(await request.body()) > SMALL_BODY_BYTES:  # what is not valid would be parsed twice
                return None
            try:
                arguments["body"] = self._body.model_validate(await request.json())
            except (ValueError, RecursionError):  # not JSON, or not valid
                return None
        for name, resolve in self._dependencies.items():
            arguments[name] = await resolve(request)
        return arguments

    async def respond(self, arguments: Mapping[str, Any]) -> Response:
        """Call the endpoint. Raises what it raises."""
        reply = await self._endpoint(**arguments)
        if isinstance(reply, Response):
            return reply
        content = self._reply.dump_json(
            reply, by_alias=True, exclude_unset=self._exclude_unset, exclude_none=self._exclude_none
        )
        return Response(content, media_type="application/json")


async def _itself(request: Request) -> Request:
    return request
