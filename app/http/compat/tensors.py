"""Bodies of the Open Inference Protocol: JSON, with tensors in it or, in binary, after it.

An element of a BYTES tensor in binary is its length, four bytes in little-endian order, and then its bytes. Triton's
documentation calls this the binary tensor data extension.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from app.errors import InvalidRequest
from app.http.contract import REF
from app.http.counting import check_values
from app.http.schemas.open_inference import MAX_RANK, InferReply, OutputTensor
from app.settings import Settings

JSON, BINARY = "application/json", "application/octet-stream"
JSON_LENGTH = "inference-header-content-length"
"""The header that has the number of bytes of the JSON, where binary data follows it."""


def tensors(schema: type[BaseModel]) -> Any:
    """The type of an endpoint's parameter that is such a body."""

    async def body(request: Request) -> BaseModel:
        content = await request.body()
        return _read(request, content, schema)

    return Annotated[schema, Depends(body)]


def describe_tensors(schema: type[BaseModel]) -> dict[str, Any]:
    """The part of the OpenAPI document that FastAPI can't derive from `tensors`."""
    content = {JSON: {"schema": {"$ref": REF.format(model=schema.__name__)}}}
    return {"requestBody": {"required": True, "content": content}}


def response(reply: InferReply, in_binary: Sequence[bool]) -> Response:
    """A reply, with those of its tensors after the JSON for which in_binary is true."""
    buffers = [_packed(tensor) if binary else b"" for tensor, binary in zip(reply.outputs, in_binary, strict=True)]
    outputs = [
        tensor.model_copy(update={"data": None, "parameters": {"binary_data_size": len(buffer)}}) if binary else tensor
        for tensor, buffer, binary in zip(reply.outputs, buffers, in_binary, strict=True)
    ]
    content = reply.model_copy(update={"outputs": outputs}).model_dump_json(exclude_none=True).encode()
    if not any(in_binary):
        return Response(content, media_type=JSON)
    headers = {JSON_LENGTH: str(len(content))}
    return Response(b"".join([content, *buffers]), headers=headers, media_type=BINARY)


def _read(request: Request, content: bytes, schema: type[BaseModel]) -> BaseModel:
    """Raises RequestValidationError, InvalidRequest, and HTTPException for another type of body."""
    media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if media_type not in (JSON, BINARY):
        raise HTTPException(415, f"send the body as content-type: {JSON} or {BINARY}")
    length = request.headers.get(JSON_LENGTH, str(len(content)))
    if not (length.isascii() and length.isdigit() and len(length) < 16 and int(length) <= len(content)):
        raise InvalidRequest("the header Inference-Header-Content-Length is not a number of bytes of the body")
    settings: Settings = request.app.state.settings
    document, binary = content[: int(length)], content[int(length) :]
    check_values(document, settings.max_body_values, settings.max_body_strings)
    try:
        body = json.loads(document)
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not JSON") from None
    _put_data(body, binary, settings.max_texts)
    try:
        return schema.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _put_data(body: Any, binary: bytes, max_texts: int) -> None:
    """Give each input of a body its data as a flat list, from the binary data or from nested lists."""
    inputs = body.get("inputs") if isinstance(body, dict) else None
    for index, tensor in enumerate(inputs if isinstance(inputs, list) else ()):
        if not isinstance(tensor, dict):
            continue
        parameters = tensor.get("parameters")
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        field = f"inputs/{index}/data"
        if isinstance(size, int) and not isinstance(size, bool):
            if tensor.get("data") is not None:
                raise InvalidRequest("its data is in binary already", field)
            if not 0 <= size <= len(binary):
                raise InvalidRequest(f"binary_data_size is {size:.15g}; given: {len(binary)} bytes", field)
            tensor["data"], binary = _unpacked(binary[:size], field, max_texts), binary[size:]
        elif isinstance(tensor.get("data"), list):
            tensor["data"] = list(_flat(tensor["data"]))
    if binary:
        raise InvalidRequest(f"{len(binary)} bytes after the JSON belong to no input")


def _flat(data: list[Any], depth: int = MAX_RANK) -> Iterator[Any]:
    for element in data:
        if isinstance(element, list) and depth > 1:
            yield from _flat(element, depth - 1)
        else:
            yield element


def _unpacked(binary: bytes, field: str, max_texts: int) -> list[str]:
    """The texts of a BYTES tensor in binary. Raises InvalidRequest."""
    texts: list[str] = []
    position = 0
    while position < len(binary):
        if len(texts) == max_texts:
            raise InvalidRequest(f"it has more than {max_texts} elements", field)
        start = position + 4
        position = start + int.from_bytes(binary[start - 4 : start], "little")
        if position > len(binary) or start > len(binary):
            raise InvalidRequest(f"its element {len(texts)} ends after the data", field)
        try:
            texts.append(binary[start:position].decode("utf-8"))
        except UnicodeDecodeError:
            raise InvalidRequest("it is not UTF-8", f"{field}/{len(texts)}") from None
    return texts


def _packed(tensor: OutputTensor) -> bytes:
    data: Any = tensor.data
    if tensor.datatype == "FP32":
        return struct.pack(f"<{len(data)}f", *data)
    texts = [text.encode("utf-8") for text in data]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
