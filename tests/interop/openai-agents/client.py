"""An agent with one tool: `client.py URL run|stream|websocket`. Prints the final text."""

import asyncio
import sys

import openai
from agents import Agent, Runner, RunConfig, function_tool, set_tracing_disabled
from agents.models import openai_responses

url, way = sys.argv[1:]
set_tracing_disabled(True)
client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
kind = openai_responses.OpenAIResponsesWSModel if way == "websocket" else openai_responses.OpenAIResponsesModel
model = kind(model="scripted", openai_client=client)


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Bergen", city
    return "wet"


async def main():
    agent = Agent(name="Forecaster", instructions="Answer.", model=model, tools=[weather])
    prompt, config = "What is the weather in Bergen?", RunConfig(tracing_disabled=True)
    if way == "run":
        result = await Runner.run(agent, prompt, run_config=config)
    else:
        result = Runner.run_streamed(agent, prompt, run_config=config)
        async for _ in result.stream_events():
            pass
    print(result.final_output)


asyncio.run(main())
