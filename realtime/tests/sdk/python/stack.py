"""The `majlis up` under test: where it is, who can sign in, and the tool that mints tokens."""

import asyncio
import json
import os
import urllib.request
from pathlib import Path

DATA = Path(os.environ["MAJLIS_SDK_DATA"])
MAJLIS = os.environ["MAJLIS_BIN"]

UP = json.loads((DATA / "up.json").read_text())
HERE, THERE = UP["hubs"][:2]
# Two ordinary people who may write to each other, and the first active room.
ME, FRIEND = UP["accounts"][:2]
ROOM = UP["rooms"][0]

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_tokens: dict[int, str] = {}


def _ask_for_token(account: dict) -> str:
    request = urllib.request.Request(
        f"{UP['api']}/api/v1/auth/login",
        data=json.dumps({"login": account["email"], "password": account["password"]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with _opener.open(request, timeout=10) as answer:
        return json.load(answer)["data"]["access_token"]


async def log_in(account: dict) -> str:
    """An access token by REST login; one login an account, for logins are limited."""
    if account["id"] not in _tokens:
        _tokens[account["id"]] = await asyncio.to_thread(_ask_for_token, account)
    return _tokens[account["id"]]


async def mint(account: dict, seconds: int = 900) -> str:
    """An access token that lives as many seconds as wanted."""
    arguments = ["token", str(account["id"]), "--seconds", str(seconds), "--data", str(DATA)]
    process = await asyncio.create_subprocess_exec(
        MAJLIS, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, err.decode()
    return out.decode().strip()
