"""What realtime.md promises to the official Python SDK, in both of its encodings. The JavaScript tests are the same list."""

import asyncio
import json
import re
import uuid
from datetime import datetime, timezone
from pathlib import Path

import pytest
from centrifuge import ReplyError, StreamPosition

from checks import check_call
from person import ENCODINGS
from proxy import Proxy
from stack import (
    FRIEND, HERE, HOST, LEARNERS, ME, ROOM, THERE, UP, drain_hub, forget_channel, log_in, log_out, mint, new_session,
    started_again,
)

CALLS = json.loads((Path(__file__).parent.parent / "calls.json").read_text())
ROOM_CHANNEL = f"room:{ROOM['id']}"
OWN_CHANNEL = f"user:{ME['id']}"


def new_id() -> str:
    return str(uuid.uuid4())


def is_now(text: str) -> bool:
    return abs((datetime.fromisoformat(text) - datetime.now(timezone.utc)).total_seconds()) < 60


def about(message_id: int):
    return lambda one: one.data["data"].get("message", {}).get("id") == message_id


def send(sender, body: str, **data):
    return sender.rpc("chat.send_message", {"client_id": new_id(), "user_id": ME["id"], "body": body, **data})


def post(speaker, body: str):
    return speaker.rpc("rooms.post_message", {"client_id": new_id(), "room_id": ROOM["id"], "body": body})


async def test_a_token_of_a_login_connects_and_the_personal_channel_is_there(connect):
    person = await connect(ME, HERE)
    connected = person.all("connected")[0]
    assert re.match(r"[0-9a-f]{8}-[0-9a-f]{4}-", connected.client)
    assert connected.data["user"]["id"] == ME["id"]
    assert isinstance(connected.data["user"]["name"], str)
    assert isinstance(connected.data["unread_total"], int)
    assert is_now(connected.data["server_time"])

    subscribed = await person.one("subscribed", lambda one: one.channel == OWN_CHANNEL)
    assert subscribed.recoverable and not subscribed.was_recovering
    assert subscribed.stream_position.epoch


async def test_a_token_in_the_header_of_the_upgrade_connects(connect):
    person = await connect(ME, HERE, headers={"Authorization": f"Bearer {await log_in(ME)}"})
    assert person.all("connected")[0].data["user"]["id"] == ME["id"]


async def test_get_token_is_asked_without_a_token_and_when_it_has_expired(connect):
    asked = 0

    async def get_token() -> str:
        nonlocal asked
        asked += 1
        return await mint(ME)

    await connect(ME, HERE, get_token=get_token)
    assert asked == 1

    token = await mint(ME, 2)
    await asyncio.sleep(3)
    late = await connect(ME, HERE, token=token, get_token=get_token)
    assert asked == 2
    assert [one.error.code for one in late.all("error")] == [109]


async def test_a_token_that_ends_is_refreshed_on_the_live_socket(connect):
    asked = asyncio.Event()

    async def get_token() -> str:
        asked.set()
        return await mint(ME)

    person = await connect(ME, HERE, token=await mint(ME, 4), get_token=get_token)
    await asyncio.wait_for(asked.wait(), 10)
    await asyncio.sleep(1)
    assert (await person.rpc("presence.query", {"user_ids": [ME["id"]]}))["users"]
    assert len(person.all("connected")) == 1
    assert person.all("error") == []


async def test_a_token_that_is_none_of_ours_ends_it_for_good_with_3500(person):
    one = person(HERE, token="a.b.c")
    await one.client.connect()
    assert (await one.one("disconnected")).code == 3500
    await asyncio.sleep(0.7)
    assert len(one.all("connecting")) == 1


async def test_a_message_comes_from_the_other_hub_to_both_people(connect):
    hearer, sender, other_device = await connect(ME, HERE), await connect(FRIEND, THERE), await connect(FRIEND, HERE)
    body = f"hello {new_id()}"
    message = (await send(sender, body))["message"]
    assert message["sender_id"] == FRIEND["id"]

    heard = await hearer.one("publication", about(message["id"]))
    assert heard.channel == OWN_CHANNEL
    assert heard.data["type"] == "chat.message_created"
    assert isinstance(heard.data["id"], str)
    assert is_now(heard.data["at"])
    assert heard.data["data"]["message"]["body"] == body
    assert isinstance(heard.data["data"]["unread_total"], int)
    assert heard.offset > 0
    for device in (sender, other_device):
        assert (await device.one("publication", about(message["id"]))).channel == f"user:{FRIEND['id']}"


async def test_rpc_answers_and_errors_have_the_documented_shapes(connect):
    person = await connect(ME, HERE)
    known = {"me": ME["id"], "friend": FRIEND["id"], "room": ROOM["id"], "many": list(range(1, 202))}
    for call in CALLS:
        await check_call(call, known, person.rpc)


async def test_the_same_write_twice_is_one_message_and_other_content_is_refused(connect):
    hearer, sender = await connect(ME, HERE), await connect(FRIEND, THERE)
    write = {"client_id": new_id(), "body": f"once {new_id()}"}
    first = await send(sender, **write)
    assert await send(sender, **write) == first
    heard = await hearer.some(2, "publication", about(first["message"]["id"]))
    assert heard[0].data["id"] == heard[1].data["id"]
    with pytest.raises(ReplyError) as refused:
        await send(sender, **{**write, "body": "other"})
    assert refused.value.code == 1009
    assert refused.value.message.startswith("idempotency_key_reused")


async def test_a_client_may_not_publish(connect, encoding):
    person = await connect(ME, HERE)
    await person.listening(ROOM_CHANNEL)
    for channel in (ROOM_CHANNEL, OWN_CHANNEL):
        with pytest.raises(ReplyError) as refused:
            await person.client.publish(channel, encoding.encode({"type": "lie"}))
        assert refused.value.code == 103


@pytest.mark.parametrize(
    ("channel", "code"), [(f"user:{FRIEND['id']}", 103), ("room:999999999", 103), ("nonsense", 102)]
)
async def test_channels_that_are_not_there_or_not_mine_are_refused(connect, channel, code):
    hearing = await (await connect(ME, HERE)).listen(channel)
    assert (await hearing.one("unsubscribed")).code == code


async def test_a_room_gives_its_state_then_its_messages_from_every_hub(connect):
    hearer, speaker = await connect(ME, HERE), await connect(FRIEND, THERE)
    hearing = await hearer.listening(ROOM_CHANNEL)
    subscribed = hearing.all("subscribed")[0]
    assert subscribed.recoverable
    assert (subscribed.data["id"], subscribed.data["status"]) == (ROOM["id"], "active")
    assert isinstance(subscribed.data["viewers"], int)
    assert isinstance(subscribed.data["slow_mode_seconds"], int)
    assert isinstance(subscribed.data["pinned"], list)

    body = f"to all {new_id()}"
    posted = await post(speaker, body)
    heard = await hearing.one("publication", about(posted["message"]["id"]))
    assert heard.data["type"] == "room.message_created"
    assert heard.data["data"]["message"]["body"] == body
    assert heard.data["data"]["message"]["user_id"] == FRIEND["id"]

    await hearing.subscription.unsubscribe()
    await hearing.one("unsubscribed")
    unheard = await post(speaker, "unheard")
    await asyncio.sleep(0.5)
    assert hearing.all("publication", about(unheard["message"]["id"])) == []


async def test_a_room_has_a_history(connect, encoding):
    hearer, speaker = await connect(ME, HERE), await connect(FRIEND, THERE)
    hearing = await hearer.listening(ROOM_CHANNEL)
    since: StreamPosition = hearing.all("subscribed")[0].stream_position
    ids = [(await post(speaker, body))["message"]["id"] for body in ("one", "two", "three")]

    def messages(history):
        events = [encoding.decode(one.data) for one in history.publications]
        return [one["data"]["message"]["id"] for one in events if one["type"] == "room.message_created"]

    forward = await hearing.subscription.history(since=since, limit=50)
    assert forward.epoch == since.epoch
    assert messages(forward) == ids
    backward = await hearing.subscription.history(limit=50, reverse=True)
    assert messages(backward)[:3] == ids[::-1]
    position = await hearing.subscription.history()
    assert position.publications == []
    assert position.offset >= forward.publications[-1].offset


async def test_a_room_tells_who_is_in_it_who_comes_and_who_leaves(connect, encoding):
    hearer = await connect(ME, HERE)
    hearing = await hearer.listening(ROOM_CHANNEL, join_leave=True)
    # Somebody whom no other test lets in, so that coming and leaving are theirs alone.
    guest = UP["accounts"][6 + ENCODINGS.index(encoding)]
    visitor = await connect(guest, THERE, token=await mint(guest))
    visit = await visitor.listening(ROOM_CHANNEL)
    await hearing.one("join", lambda one: one.info.user == str(guest["id"]))

    users = {one.user for one in (await hearing.subscription.presence()).clients.values()}
    assert {str(ME["id"]), str(guest["id"])} <= users
    stats = await hearing.subscription.presence_stats()
    assert stats.num_users == len(users)
    assert stats.num_clients >= stats.num_users

    await visit.subscription.unsubscribe()
    await hearing.one("leave", lambda one: one.info.user == str(guest["id"]), 15)


async def test_somebodys_presence_is_given_when_subscribing(connect):
    hearer, _friend = await connect(ME, HERE), await connect(FRIEND, THERE)
    hearing = await hearer.listening(f"presence:{FRIEND['id']}")
    assert hearing.all("subscribed")[0].data == {"user_id": FRIEND["id"], "online": True, "last_seen_at": None}


async def test_after_a_lost_connection_everything_missed_comes_in_order_once(connect):
    async with Proxy(HERE) as proxy:
        hearer = await connect(ME, proxy.url, token=await log_in(ME))
        sender = await connect(FRIEND, THERE)
        hearing = await hearer.listening(ROOM_CHANNEL)
        mark = new_id()
        chat, room = [], []

        async def say(words: str) -> None:
            chat.append((await send(sender, f"{words} {mark}"))["message"]["id"])
            room.append((await post(sender, f"{words} {mark}"))["message"]["id"])

        def ours(one) -> bool:
            return str(one.data["data"].get("message", {}).get("body")).endswith(mark)

        await say("before")
        for heard in (hearer, hearing):
            await heard.one("publication", ours)
        proxy.cut()
        await hearer.one("connecting", lambda one: one.code != 0)
        for words in ("first", "second", "third", "fourth"):
            await say(words)
        proxy.restore()
        await hearer.some(2, "connected", patience=15)
        own = await hearer.one("subscribed", lambda one: one.was_recovering and one.channel == OWN_CHANNEL)
        in_room = await hearing.one("subscribed", lambda one: one.was_recovering)
        assert (own.recovered, in_room.recovered) == (True, True)
        await say("after")

        for heard, ids in ((hearer, chat), (hearing, room)):
            await heard.some(len(ids), "publication", ours)
        # A repeat would come now.
        await asyncio.sleep(0.5)
        for heard, ids in ((hearer, chat), (hearing, room)):
            every = heard.all("publication", ours)
            assert [one.data["data"]["message"]["id"] for one in every] == ids
            offsets = [one.offset for one in every]
            assert offsets == sorted(set(offsets))
        assert proxy.accepted == 2


async def test_where_the_window_was_left_the_app_is_told_and_reads_the_rest_from_mysql(connect):
    async with Proxy(HERE) as proxy:
        hearer = await connect(ME, proxy.url, token=await log_in(ME))
        sender = await connect(FRIEND, THERE)

        async def say() -> int:
            return (await send(sender, "while away"))["message"]["id"]

        known = await say()
        await hearer.one("publication", about(known))
        proxy.cut()
        await hearer.one("connecting", lambda one: one.code != 0)
        missed = [await say(), await say()]
        await forget_channel(OWN_CHANNEL)
        missed.append(await say())
        proxy.restore()
        again = await hearer.one("subscribed", lambda one: one.was_recovering and one.channel == OWN_CHANNEL, 15)
        assert again.recovered is False
        assert [one for one in missed if hearer.all("publication", about(one))] == []
        synced = await hearer.rpc("chat.sync", {"after_message_id": known})
        assert set(missed) <= {message["id"] for message in synced["messages"]}
        # And from here on it goes on as ever.
        await hearer.one("publication", about(await say()))


async def test_whoever_is_banned_hears_no_more_until_let_in_again(connect, encoding):
    guest = LEARNERS[12 + ENCODINGS.index(encoding)]
    visitor = await connect(guest, THERE, token=await mint(guest))
    visit = await visitor.listening(ROOM_CHANNEL)
    moderator = await connect(HOST, HERE)
    whom = {"room_id": ROOM["id"], "user_id": guest["id"]}
    await moderator.rpc("rooms.ban_user", whom)
    assert (await visit.one("unsubscribed", patience=2)).code == 2000
    await visitor.one("publication", lambda one: one.data["type"] == "room.member_banned")
    await asyncio.sleep(0.7)
    assert len(visit.all("subscribing")) == 1, "the SDK takes it as final"
    assert visitor.all("disconnected") == []
    await visit.subscription.subscribe()
    assert (await visit.some(2, "unsubscribed"))[1].code == 103
    await moderator.rpc("rooms.unban_user", whom)
    await visit.subscription.subscribe()
    await visit.some(2, "subscribed")


async def test_whoever_signs_out_is_disconnected_for_good_with_4501(connect, encoding):
    guest = LEARNERS[14 + ENCODINGS.index(encoding)]
    token = await new_session(guest)
    devices = [await connect(guest, hub, token=token) for hub in (HERE, THERE)]
    await log_out(token)
    for device in devices:
        assert (await device.one("disconnected", patience=2)).code == 4501
        assert [one.data["type"] for one in device.all("publication")] == ["session.revoked"]
    await asyncio.sleep(0.7)
    for device in devices:
        assert len(device.all("connecting")) == 1


async def test_a_hub_that_drains_sends_everybody_away_with_3001_and_nothing_is_missed(connect):
    async with Proxy(THERE) as proxy:
        hearer = await connect(ME, proxy.url, token=await log_in(ME))
        sender = await connect(FRIEND, HERE)
        first = (await send(sender, "before the drain"))["message"]["id"]
        await hearer.one("publication", about(first))
        ended = await drain_hub(1)
        await hearer.one("connecting", lambda one: one.code == 3001, 15)
        missed = (await send(sender, "during the drain"))["message"]["id"]
        await started_again(ended)
        again = await hearer.one("subscribed", lambda one: one.was_recovering and one.channel == OWN_CHANNEL, 20)
        assert again.recovered is True
        await hearer.one("publication", about(missed))
        assert hearer.all("disconnected") == []
