"""Checks of the calls that both SDKs make; ../calls.json describes them."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from centrifuge import ReplyError

SHAPES: dict[str, Callable[[Any], bool]] = {
    "number": lambda value: type(value) is int,
    "string": lambda value: isinstance(value, str) and value != "",
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def fill(value: Any, known: dict) -> Any:
    if isinstance(value, dict):
        return {name: fill(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, known) for inner in value]
    if value == "$uuid":
        return str(uuid.uuid4())
    return known[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def fits(value: Any, shape: Any, known: dict, path: str) -> None:
    """Compares an answer with a shape; more members than described are fine."""
    if isinstance(shape, list):
        assert isinstance(value, list) and len(value) == len(shape), path
        for index, inner in enumerate(shape):
            fits(value[index], inner, known, f"{path}[{index}]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), path
        for name, inner in shape.items():
            assert name in value, f"{path}.{name}"
            fits(value[name], inner, known, f"{path}.{name}")
    elif shape.startswith("$"):
        assert value == known[shape[1:]], path
    elif shape.startswith("="):
        assert value == shape[1:], path
    else:
        assert any(SHAPES[kind](value) for kind in shape.split("|")), f"{path} is {value!r}, not {shape}"


async def check_call(call: dict, known: dict, rpc: Callable[[str, Any], Awaitable[Any]]) -> None:
    """Makes one call; what it keeps is known to those after it."""
    data = fill(call["data"], known)
    if error := call.get("error"):
        with pytest.raises(ReplyError) as refused:
            await rpc(call["method"], data)
        assert refused.value.code == error["code"], call["name"]
        assert refused.value.message.startswith(error.get("rule", "")), call["name"]
        return
    value = await rpc(call["method"], data)
    fits(value, call["answer"], known, f"{call['name']}: {call['method']}")
    for name, path in call.get("keep", {}).items():
        known[name] = value
        for member in path.split("."):
            known[name] = known[name][member]
