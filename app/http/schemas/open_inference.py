"""Requests and replies of the Open Inference Protocol, version 2, as KServe and Triton have it."""

from copy import copy
from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, create_model, model_validator

from app.http.schemas.base import SHOWN, Reply, unicode_text
from app.http.schemas.lax import LaxRequest

MAX_RANK = 8
INPUT = "text"
"""The name of every model's input."""
EXAMPLE: Any = {"name": INPUT, "shape": [1], "datatype": "BYTES", "data": ["A wonderful film."]}


class TensorParameters(LaxRequest):
    binary_data: bool = Field(False, description="Of an output: send it after the JSON, in binary.")
    binary_data_size: int | None = Field(None, ge=0, description="Of an input: its number of bytes after the JSON.")
    classification: int = Field(0, ge=0, le=0, description="Triton's extension, which is not supported: see `scores`.")


class InputTensor(LaxRequest):
    """Texts in a tensor of any shape; data has them in row-major order, flat or nested."""

    name: Literal["text"] = Field(description="Every model's input is text.")
    shape: list[Annotated[int, Field(ge=0)]] = Field(
        max_length=MAX_RANK, description="Of any rank; [-1] where it is in /v2/models/{model} is the number of texts."
    )
    datatype: Literal["BYTES"] = Field(description="Texts are BYTES, in UTF-8.")
    parameters: TensorParameters = Field(TensorParameters(), description="For data that follows the JSON in binary.")
    data: list[str] = Field(description="The texts, flat in row-major order or nested.")

    @model_validator(mode="after")
    def _shape_fits(self) -> Self:
        if prod(self.shape) != len(self.data):
            raise ValueError(f"its shape is of {prod(self.shape):.15g} elements, and its data has {len(self.data)}")
        return self


def input_tensors(max_characters: int, max_texts: int) -> Any:
    """The type of a field that holds the one input tensor, of at most max_texts texts."""
    text = Annotated[str, Field(max_length=max_characters), AfterValidator(unicode_text), SHOWN]
    texts = Annotated[list[text], Field(min_length=1, max_length=max_texts)]
    tensor: Any = create_model(
        "InputTensor", __base__=InputTensor, __module__=__name__, data=(texts, copy(InputTensor.model_fields["data"]))
    )
    return Annotated[list[tensor], Field(min_length=1, max_length=1)]


class RequestedOutput(LaxRequest):
    name: str = Field(max_length=200, description="As in `outputs` of /v2/models/{model}.")
    parameters: TensorParameters = Field(TensorParameters(), description="How to send it.")


class InferRequest(LaxRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [EXAMPLE]}]})

    id: str | None = Field(None, max_length=200, description="The reply has it too.")
    parameters: dict[str, JsonValue] = Field({}, description="Those of the model's task, by their native names.")
    inputs: list[InputTensor] = Field(description="The one tensor of texts.")
    outputs: list[RequestedOutput] = Field([], max_length=16, description="By default, all.")


class OutputTensor(Reply):
    name: str = Field(description="As in `outputs` of /v2/models/{model}.")
    shape: list[int] = Field(description="That of the input, and for some a further dimension.")
    datatype: Literal["BYTES", "FP32"] = Field(description="BYTES of texts, FP32 of numbers.")
    data: list[str] | list[float] | None = Field(None, description="In row-major order.")
    parameters: dict[str, int] | None = Field(None, description="binary_data_size, of a tensor after the JSON.")


class InferReply(Reply):
    model_name: str = Field(description="The model that answered.")
    model_version: str = Field(description="The SHA-256 of its checkpoint's manifest, as `version` of /models.")
    id: str | None = Field(None, description="That of the request.")
    outputs: list[OutputTensor] = Field(description="The requested tensors, in their order.")


class TensorMetadata(Reply):
    """shape is that for a list of texts; -1 is their number."""

    name: str = Field(description="Of the tensor.")
    datatype: Literal["BYTES", "FP32"] = Field(description="BYTES of texts, FP32 of numbers.")
    shape: list[int] = Field(description="-1 is the number of texts.")
    parameters: dict[str, list[str]] | None = Field(None, description="labels: of the last dimension's elements.")


class ServedModel(Reply):
    name: str = Field(description="The model's name.")
    platform: str = Field("carousel", description="What serves it.")
    inputs: list[TensorMetadata] = Field(description="The tensors that it reads.")
    outputs: list[TensorMetadata] = Field(description="The tensors that it returns.")


class Server(Reply):
    name: str = Field(description="The service's name.")
    version: str = Field(description="The service's version.")
    extensions: list[str] = Field(description="The extensions of the protocol that it has.")


class ServerLive(Reply):
    live: Literal[True] = Field(True, description="The engine moves.")


class ServerReady(Reply):
    ready: Literal[True] = Field(True, description="The service takes work.")


class ModelReady(Reply):
    name: str = Field(description="The model's name.")
    ready: Literal[True] = Field(True, description="The model is loaded, and the service takes work.")


class InferError(Reply):
    error: str = Field(description="What is wrong, with the field and its limit.")
