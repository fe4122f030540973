"""Requests and replies of the Open Inference Protocol, version 2, as KServe and Triton have it."""

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

    name: Literal["text"]
    shape: list[Annotated[int, Field(ge=0)]] = Field(max_length=MAX_RANK)
    datatype: Literal["BYTES"]
    parameters: TensorParameters = TensorParameters()
    data: list[str]

    @model_validator(mode="after")
    def _shape_fits(self) -> Self:
        if prod(self.shape) != len(self.data):
            raise ValueError(f"its shape is of {prod(self.shape):.15g} elements, and its data has {len(self.data)}")
        return self


def input_tensors(max_characters: int, max_texts: int) -> Any:
    """The type of a field that holds the one input tensor, of at most max_texts texts."""
    text = Annotated[str, Field(max_length=max_characters), AfterValidator(unicode_text), SHOWN]
    texts = Annotated[list[text], Field(min_length=1, max_length=max_texts)]
    tensor: Any = create_model("InputTensor", __base__=InputTensor, __module__=__name__, data=(texts, ...))
    return Annotated[list[tensor], Field(min_length=1, max_length=1)]


class RequestedOutput(LaxRequest):
    name: str = Field(max_length=200)
    parameters: TensorParameters = TensorParameters()


class InferRequest(LaxRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [EXAMPLE]}]})

    id: str | None = Field(None, max_length=200, description="The reply has it too.")
    parameters: dict[str, JsonValue] = Field({}, description="Those of the model's task, by their native names.")
    inputs: list[InputTensor]
    outputs: list[RequestedOutput] = Field([], max_length=16, description="By default, all.")


class OutputTensor(Reply):
    name: str
    shape: list[int]
    datatype: Literal["BYTES", "FP32"]
    data: list[str] | list[float] | None = Field(None, description="In row-major order.")
    parameters: dict[str, int] | None = Field(None, description="binary_data_size, of a tensor after the JSON.")


class InferReply(Reply):
    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class TensorMetadata(Reply):
    """shape is that for a list of texts; -1 is their number."""

    name: str
    datatype: Literal["BYTES", "FP32"]
    shape: list[int]
    parameters: dict[str, list[str]] | None = Field(None, description="labels: of the last dimension's elements.")


class ServedModel(Reply):
    name: str
    platform: str = "carousel"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Server(Reply):
    name: str
    version: str
    extensions: list[str]


class ServerLive(Reply):
    live: Literal[True] = True


class ServerReady(Reply):
    ready: Literal[True] = True


class ModelReady(Reply):
    name: str
    ready: Literal[True] = True


class InferError(Reply):
    error: str
