"""POST /generate."""

import secrets

from fastapi import APIRouter

from app.dependencies import EngineDep, SettingsDep, finished
from app.engine.jobs import Choice, GenerateJob
from app.routes.shape import PROBLEMS, with_body
from app.schemas.generate import (
    GenerateChoice,
    GeneratedToken,
    GenerateReply,
    GenerateRequest,
    TokenLogprob,
    Usage,
    generate_request,
)  # fmt: skip
from app.settings import Settings
from models.sampling import SamplingConfig


def router(settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["text"])
    routes.add_api_route(
        "/generate",
        with_body(generate, generate_request(settings)),
        methods=["POST"],
        summary="Go on with a prompt",
        response_model=GenerateReply,
        response_model_exclude_unset=True,
        responses=PROBLEMS,
    )
    return routes


async def generate(body: GenerateRequest, engine: EngineDep, settings: SettingsDep) -> GenerateReply:
    """Go on with a prompt.

    The same seed gives the same text, alone and beside other requests.
    """
    model = engine.registry.for_text("language", body.model, body.prompt, "/prompt")
    seed = secrets.randbelow(2**31) if body.seed is None else body.seed
    job = GenerateJob(
        model=model.name,
        prompt=body.prompt,
        max_new_tokens=body.max_new_tokens,
        sampling=SamplingConfig(body.temperature, body.top_k, body.top_p, body.repetition_penalty),
        seed=seed,
        stop=tuple(body.stop),
        choices=body.n,
        top_logprobs=body.logprobs,
    )
    result = await finished(engine.submit(job), settings)
    choices = [_choice(index, choice) for index, choice in enumerate(result.choices)]
    return GenerateReply(model=model.name, choices=choices, usage=Usage.model_validate(result), seed=seed)


def _choice(index: int, choice: Choice) -> GenerateChoice:
    made = {"index": index, "text": choice.text, "finish_reason": choice.finish_reason}
    if choice.tokens:
        made["tokens"] = [
            GeneratedToken(
                id=token.id,
                text=token.text,
                logprob=token.logprob,
                top=[TokenLogprob.model_validate(other) for other in token.top],
            )
            for token in choice.tokens
        ]
    return GenerateChoice.model_validate(made)
