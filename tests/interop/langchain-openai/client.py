"""A model with one tool: `client.py URL invoke|stream`. Prints the final text."""

import functools
import operator
import sys

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

url, way = sys.argv[1:]


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Bergen", city
    return "wet"


model = ChatOpenAI(model="scripted", base_url=url, api_key="none", use_responses_api=True, max_retries=0).bind_tools([weather])


def ask(messages):
    if way == "invoke":
        return model.invoke(messages)
    return functools.reduce(operator.add, model.stream(messages))


messages = [HumanMessage("What is the weather in Bergen?")]
messages.append(ask(messages))
messages.extend(weather.invoke(call) for call in messages[-1].tool_calls)
assert len(messages) == 3, messages
answer = ask(messages)
assert answer.usage_metadata["total_tokens"] == 36, answer.usage_metadata
print(answer.text)
