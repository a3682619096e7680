# pip install centrifuge-python        python connect.py API HUB LOGIN PASSWORD ROOM
import asyncio
import json
import sys
import urllib.request
import uuid

from centrifuge import CentrifugeError, Client, ClientEventHandler, ReplyError, SubscriptionEventHandler

api, endpoint, login, password, room = sys.argv[1:6]


def post(path: str, body: dict) -> dict:
    request = urllib.request.Request(
        f"{api}/api/v1{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["data"]


# The SDK asks for a token when it connects and again before one ends; a refresh token is good for one use.
session: dict = {}


async def get_token() -> str:
    global session
    path, body = "/auth/login", {"login": login, "password": password}
    if session:
        path, body = "/auth/refresh", {"refresh_token": session["refresh_token"]}
    session = await asyncio.to_thread(post, path, body)
    return session["access_token"]


known: set[str] = set()


def hear(channel: str, event: dict) -> None:
    if event["id"] not in known:  # what may be heard twice is dropped by its id
        known.add(event["id"])
        print(channel, event["type"], json.dumps(event["data"], ensure_ascii=False), flush=True)


class App(ClientEventHandler):
    async def on_publication(self, ctx) -> None:  # user:{id}, without subscribing
        hear(ctx.channel, ctx.pub.data)

    async def on_subscribed(self, ctx) -> None:
        if ctx.was_recovering and not ctx.recovered:
            # The window of events was left: MySQL knows what was written since the last message that this app has.
            print(ctx.channel, (await client.rpc("chat.sync", {"after_message_id": 0})).data)


class Room(SubscriptionEventHandler):
    async def on_publication(self, ctx) -> None:
        hear(f"room:{room}", ctx.pub.data)

    async def on_subscribed(self, ctx) -> None:
        print("inside", ctx.data["title"], "viewers", ctx.data["viewers"], flush=True)


async def send(method: str, data: dict) -> dict:
    """One client_id a message: whoever gets no answer sends the same again, and nothing is written twice."""
    while True:
        try:
            return (await client.rpc(method, data)).data
        except ReplyError as refusal:
            if not refusal.temporary:
                raise
        except CentrifugeError:
            pass  # no answer
        await asyncio.sleep(0.5)


async def main() -> None:
    global client
    client = Client(endpoint, events=App(), get_token=get_token)
    await client.connect()
    await client.ready(timeout=10)
    listening = client.new_subscription(f"room:{room}", events=Room())
    await listening.subscribe()
    await listening.ready(timeout=10)
    message = {"client_id": str(uuid.uuid4()), "room_id": int(room), "body": "مرحبا من Python"}
    print("acknowledged", (await send("rooms.post_message", message))["message"]["id"], flush=True)
    await asyncio.sleep(1)
    await client.disconnect()


asyncio.run(main())
