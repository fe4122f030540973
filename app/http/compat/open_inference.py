"""The routes under /v2: the Open Inference Protocol, for clients of KServe and Triton."""

from itertools import chain
from typing import Any

from fastapi import Response

from app import __version__
from app.catalog.registry import Served
from app.errors import InvalidRequest
from app.http.compat.inference_tasks import TASKS, Output, operations_of, task_of
from app.http.compat.tensors import response
from app.http.dependencies import ClientDep, EngineDep, ModelName, SettingsDep, StateTokensDep
from app.http.operations.health import check_live, check_ready
from app.http.replies import prepared
from app.http.schemas.open_inference import (
    INPUT,
    InferReply,
    InferRequest,
    ModelReady,
    OutputTensor,
    ServedModel,
    Server,
    ServerLive,
    ServerReady,
    TensorMetadata,
)  # fmt: skip

EXTENSIONS = ["binary_tensor_data", "parameters"]


async def server(_: ClientDep) -> Server:
    """The server's name and version, and which of the protocol's extensions it has."""
    return Server(name="carousel", version=__version__, extensions=EXTENSIONS)


async def live(engine: EngineDep, settings: SettingsDep) -> ServerLive:
    """Liveness, as `/livez`."""
    check_live(engine, settings.request_timeout_s)
    return ServerLive()


async def ready(engine: EngineDep) -> ServerReady:
    """Readiness, as `/readyz`."""
    check_ready(engine)
    return ServerReady()


async def model(model: ModelName, engine: EngineDep, _: ClientDep) -> ServedModel:
    """A model's input and outputs."""
    served = engine.registry.get_among(model, TASKS)
    return ServedModel(
        name=served.name,
        inputs=[TensorMetadata(name=INPUT, datatype="BYTES", shape=[-1])],
        outputs=[_metadata(served, output) for output in task_of(served).outputs],
    )


async def model_ready(model: ModelName, engine: EngineDep, _: ClientDep) -> ModelReady:
    """Whether the service accepts requests to a model."""
    served = engine.registry.get_among(model, TASKS)
    task_of(served)  # a 404 where the protocol has no tensors for the model
    check_ready(engine)
    return ModelReady(name=served.name)


async def infer(
    model: ModelName,
    body: InferRequest,
    engine: EngineDep,
    client: ClientDep,
    tokens: StateTokensDep,
    settings: SettingsDep,
) -> Response:
    """Generate, classify or translate, by the model's task.

    The input is a tensor of texts, of any shape; the outputs have its shape. Tensors may also be in binary, after the
    JSON, whose length is then in the header `Inference-Header-Content-Length`.
    """
    served = engine.registry.get_among(model, TASKS)
    (tensor,) = body.inputs
    outputs = _requested(body, served)
    planned = await prepared(
        sum(map(len, tensor.data)),
        operations_of, served, tensor.data, body.parameters, engine.registry, settings, tokens,
    )  # fmt: skip
    tickets = await client.submit_all(engine, [job for operation in planned for job in operation.jobs])
    results = iter(await client.results(tickets))
    replies = [operation.reply([next(results) for _ in operation.jobs]) for operation in planned]
    optional = {"id": body.id} if body.id is not None else {}
    reply = InferReply(
        model_name=served.name,
        model_version=served.checkpoint.version,
        outputs=[_tensor(output, tensor.shape, replies) for output, _ in outputs],
        **optional,
    )
    return response(reply, [in_binary for _, in_binary in outputs])


def _metadata(served: Served, output: Output) -> TensorMetadata:
    if not output.is_labelled:
        return TensorMetadata(name=output.name, datatype=output.datatype, shape=[-1])
    labels = list(served.checkpoint.model.config.labels)
    shape = [-1, len(labels)]
    return TensorMetadata(name=output.name, datatype=output.datatype, shape=shape, parameters={"labels": labels})


def _requested(body: InferRequest, served: Served) -> list[tuple[Output, bool]]:
    """The outputs to return, each with whether in binary. Raises InvalidRequest for one that there is not."""
    by_name = {output.name: output for output in task_of(served).outputs}
    if not body.outputs:
        return [(output, body.parameters.get("binary_data_output") is True) for output in by_name.values()]
    for index, requested in enumerate(body.outputs):
        if requested.name not in by_name:
            raise InvalidRequest(f"no such output; there are {', '.join(by_name)}", f"outputs/{index}/name")
    return [(by_name[requested.name], requested.parameters.binary_data) for requested in body.outputs]


def _tensor(output: Output, shape: list[int], replies: list[Any]) -> OutputTensor:
    data = list(chain.from_iterable(output.read(reply) for reply in replies))
    if output.is_labelled:
        shape = [*shape, len(data[0])]
        data = list(chain.from_iterable(data))
    return OutputTensor(name=output.name, shape=shape, datatype=output.datatype, data=data)
