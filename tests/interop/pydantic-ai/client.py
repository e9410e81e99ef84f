"""An agent with one tool: `client.py URL run|stream`. Prints the final text."""

import asyncio
import sys

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

url, way = sys.argv[1:]
model = OpenAIResponsesModel("scripted", provider=OpenAIProvider(base_url=url, api_key="none"))
agent = Agent(model)


@agent.tool_plain
def weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Bergen", city
    return "wet"


async def main():
    prompt = "What is the weather in Bergen?"
    if way == "run":
        print((await agent.run(prompt)).output)
    else:
        async with agent.run_stream(prompt) as result:
            print(await result.get_output())


asyncio.run(main())
