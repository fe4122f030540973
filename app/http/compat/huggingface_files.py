"""POST /hf/{model} with a file as the body, as Hugging Face's client sends recordings and pictures."""

from fastapi import Request
from starlette.exceptions import HTTPException

from app.catalog.registry import Served
from app.errors import InvalidRequest
from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, ModelName, SettingsDep
from app.http.operations.operation import run
from app.http.operations.transcription import transcription
from app.http.replies import decoded
from app.http.schemas.describe import DescribeRequest
from app.http.schemas.huggingface import GeneratedText, SpokenText
from app.pictures import read_picture

TASKS = ("recognizer", "captioner")
"""Those of models that read files."""
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
FILE_TYPES = ("audio/", "image/", "application/octet-stream", *FORMS)
"""How the media types begin that are not JSON: those of files, and forms, which are refused by name."""


async def infer_file(
    model: ModelName, request: Request, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> SpokenText | list[GeneratedText]:
    """The model's task: automatic_speech_recognition or image_to_text."""
    served = engine.registry.get_among(model, TASKS)
    _check_task(served)
    if request.headers.get("content-type", "").lower().startswith(FORMS):
        example = "audio/wav" if served.task == "recognizer" else "image/png"
        raise HTTPException(415, f"not a form: send the file itself as the body, as content-type: {example} or its own")
    content = await request.body()
    if served.task == "recognizer":
        heard = await run(await decoded(transcription, content, served, "en", settings), client, engine)
        return SpokenText(text=heard.text)
    if not content:
        raise InvalidRequest("the body is empty", "image")
    picture = await decoded(read_picture, content, settings.max_image_pixels)
    body = DescribeRequest(image=content, model=served.name)
    caption = await run(operations.describe(body, picture, engine.registry), client, engine)
    return [GeneratedText(generated_text=caption.text)]


def _check_task(served: Served) -> None:
    """Raise HTTPException for a model that reads text."""
    if served.task not in TASKS:
        raise HTTPException(415, "send the body as content-type: application/json")
