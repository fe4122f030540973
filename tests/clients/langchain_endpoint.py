"""Run langchain-huggingface's HuggingFaceEndpoint with its default parameters; print what it answers as JSON.

Arguments: the URL of a model, a prompt.
"""

import asyncio
import json
import sys

from langchain_huggingface import HuggingFaceEndpoint

url, prompt = sys.argv[1:]
endpoint = HuggingFaceEndpoint(endpoint_url=url, max_new_tokens=12, seed=5)
streaming = HuggingFaceEndpoint(endpoint_url=url, max_new_tokens=12, seed=5, streaming=True)
try:
    HuggingFaceEndpoint(endpoint_url=f"{url}-none").invoke(prompt)
    problem = ""
except Exception as error:
    problem = str(error)
print(
    json.dumps(
        {
            "text": endpoint.invoke(prompt),
            "awaited": asyncio.run(endpoint.ainvoke(prompt)),
            "stopped": endpoint.invoke(prompt, stop=["e"]),
            "pieces": list(streaming.stream(prompt)),
            "problem": problem,
        }
    )
)
