"""The `majlis up` under test: where it is, who can sign in, and the tool that mints tokens."""

import asyncio
import json
import os
import signal
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

DATA = Path(os.environ["MAJLIS_SDK_DATA"])
MAJLIS = os.environ["MAJLIS_BIN"]

UP = json.loads((DATA / "up.json").read_text())
HERE, THERE = UP["hubs"][:2]
# Two ordinary people who may write to each other, and the first active room.
ME, FRIEND = UP["accounts"][:2]
ROOM = UP["rooms"][0]
# Who hosts it, and people whom other tests leave alone.
HOST = next(account for account in UP["accounts"] if account["id"] == ROOM["host_id"])
LEARNERS = [account for account in UP["accounts"] if account["role"] == "learner"]

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


async def new_session(account: dict) -> str:
    """A session of its own by REST login, for tests that end it."""
    return await asyncio.to_thread(_ask_for_token, account)


async def log_out(token: str) -> None:
    """Ends the session of a token by REST."""
    request = urllib.request.Request(
        f"{UP['api']}/api/v1/auth/logout", method="POST", headers={"Authorization": f"Bearer {token}"}
    )
    await asyncio.to_thread(lambda: _opener.open(request, timeout=10).close())


async def forget_channel(channel: str) -> None:
    """Redis forgets what a channel kept, as when it runs out of memory."""
    address = urlsplit(UP["redis_url"])
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    keys = " ".join(f"majlis:{{{channel}}}:{part}" for part in ("meta", "stream"))
    writer.write(f"DEL {keys}\r\n".encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b":")
    writer.close()


def up_file() -> dict:
    """What `majlis up` wrote for scripts, as it is now."""
    return json.loads((DATA / "up.json").read_text())


async def drain_hub(index: int) -> int:
    """SIGTERM to a hub; refused where the id is no process of the program under test."""
    pid = up_file()["hub_pids"][index]
    program = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    assert Path(program).name == Path(MAJLIS).name, f"process {pid} is {program}, not a hub"
    os.kill(pid, signal.SIGTERM)
    return pid


async def started_again(ended: int) -> None:
    """Until a hub that was ended has been started again."""
    async with asyncio.timeout(20):
        while ended in up_file()["hub_pids"]:
            await asyncio.sleep(0.1)
