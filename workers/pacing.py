"""The providers' pace: how many messages may leave, counted in Redis for all workers together.

Owns the windows (at most so much in any so many seconds), the pause of a whole gateway after "too many", and
promises: whoever is refused is told when his turn comes, one after the other, so that he waits as a row in the
outbox and nobody asks in vain. Uses real time, Redis's own, whatever the sandbox clock says. Replies are held by
a pause and by their own chat, but are not counted against the notices. Redis losing all of this costs nothing but a
moment of haste.

A window rather than a bucket with a burst: a bucket that holds a burst and fills at the limit lets through more
than the limit in its first second, and a message of several parts cannot be taken from it strictly.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import redis
import redis.asyncio

from core.messages import TELEGRAM
from core.settings import settings
from core.telling.outbox import REPLY, Outgoing
from workers.broker import TURN, async_redis_client

# A second and a little: what leaves us evenly may arrive a little closer together. The short window spreads what
# leaves within the long one, because a burst that the network delays meets the next one at the provider.
WINDOW_MS = 1050
SPREAD = 5
# One chat takes about one message a second from a bot, and short bursts.
CHAT_MESSAGES = 3
CHAT_WINDOW_MS = 3000
# Telegram sells no more than this; a higher rate is meant for stand-ins, where a chat has no limit either.
FASTEST_BOT = 1000
# So far ahead turns are promised before the ticker stops feeding a gateway.
AHEAD_SECONDS = 2.0

# KEYS: pause, then windows. ARGV: four numbers for each window: limit, length in ms, cost of this message, and the
# number of the window that promises turns for it. A window's hash holds what was let through in each of its twenty
# slots, and the next turn to promise ("p"). The first window promises for a pause as well.
# Answers 0 (go) or the milliseconds to wait.
_ASK = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local pause = math.max(redis.call('PTTL', KEYS[1]), 0)
local function whole(n) return string.format('%.0f', n) end

local function wait_for(key, limit, length, cost)
  local slot, used, slots = length / 20, 0, {}
  local first = math.floor((now - length) / slot)
  local fields = redis.call('HGETALL', key)
  for f = 1, #fields, 2 do
    local number = tonumber(fields[f])
    if number and number < first then
      redis.call('HDEL', key, fields[f])
    elseif number then
      used = used + tonumber(fields[f + 1])
      slots[#slots + 1] = {number, tonumber(fields[f + 1])}
    end
  end
  -- What is dearer than the whole window passes when the window is empty.
  local excess = math.min(used, used + cost - limit)
  if excess <= 0 then return 0 end
  table.sort(slots, function(a, b) return a[1] < b[1] end)
  local free = 1
  for _, s in ipairs(slots) do
    excess = excess - s[2]
    free = math.max(math.ceil((s[1] + 1) * slot + length - now), 1)
    if excess <= 0 then break end
  end
  return free
end

local function fact(window, number) return tonumber(ARGV[4 * (window - 1) + number]) end

local windows, waits, go = #KEYS - 1, {}, pause == 0
for w = 1, windows do
  local wait = wait_for(KEYS[w + 1], fact(w, 1), fact(w, 2), fact(w, 3))
  if w == 1 then wait = math.max(wait, pause) end
  go = go and wait == 0
  waits[fact(w, 4)] = math.max(waits[fact(w, 4)] or 0, wait)
end
local longest = pause
for w = 1, windows do
  local key = KEYS[w + 1]
  if go then
    redis.call('HINCRBY', key, whole(math.floor(now / (fact(w, 2) / 20))), fact(w, 3))
    redis.call('PEXPIRE', key, 120000)
  elseif (waits[w] or 0) > 0 then
    local turn = math.max(now + waits[w], tonumber(redis.call('HGET', key, 'p') or '0'))
    redis.call('HSET', key, 'p', whole(turn + fact(w, 3) * fact(w, 2) / fact(w, 1)))
    redis.call('PEXPIRE', key, whole(turn - now + 120000))
    longest = math.max(longest, math.ceil(turn - now))
  end
end
return go and 0 or longest
"""

# How far ahead turns are promised, or the pause lasts: KEYS pause, window; milliseconds.
_BUSY = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local turn = tonumber(redis.call('HGET', KEYS[2], 'p') or '0')
return math.max(redis.call('PTTL', KEYS[1]), math.ceil(turn - now), 0)
"""


@dataclass(frozen=True)
class _Window:
    key: str
    limit: int
    length_ms: int
    cost: int
    promised_by: int


_client: redis.asyncio.Redis | None = None


def _redis() -> redis.asyncio.Redis:
    global _client
    if _client is None:
        _client = async_redis_client()
    return _client


async def close() -> None:
    """Close this process's connections; the next use makes new ones."""
    global _client
    if _client is not None:
        await _client.aclose()
        _client = None


def rate(gateway: str) -> int:
    """Notices (Telegram) or parts (SMS) a second that a gateway takes. Names: ``core.operator.gateways``."""
    return settings().telegram_rate if gateway == TELEGRAM else settings().sms_rate


def _pause_key(tenant_id: UUID, gateway: str) -> str:
    return f"equb:pace:{tenant_id}:{gateway}:pause"


def _window_key(tenant_id: UUID, gateway: str) -> str:
    return f"equb:pace:{tenant_id}:{gateway}"


def _windows(outgoing: Outgoing) -> list[_Window]:
    found = []
    key = _window_key(outgoing.tenant_id, outgoing.gateway)
    if outgoing.priority != REPLY:
        cost = 1 if outgoing.channel == TELEGRAM else _parts(outgoing.text)
        limit = rate(outgoing.gateway)
        found.append(_Window(key, limit, WINDOW_MS, cost, promised_by=1))
        found.append(_Window(f"{key}:short", -(-limit // SPREAD), WINDOW_MS // SPREAD, cost, promised_by=1))
    if outgoing.channel == TELEGRAM and settings().telegram_rate <= FASTEST_BOT:
        chat = hashlib.blake2b(outgoing.address.encode(), digest_size=12).hexdigest()
        found.append(_Window(f"{key}:{chat}", CHAT_MESSAGES, CHAT_WINDOW_MS, 1, promised_by=len(found) + 1))
    return found


def _parts(text: str) -> int:
    from core.segments import plain, segments

    return segments(plain(text))


async def ask(outgoing: Outgoing) -> float:
    """May this message leave now? 0.0: yes, and it is counted; else the seconds until its turn.

    Raises ``redis.RedisError``.
    """
    windows = _windows(outgoing)
    keys = [_pause_key(outgoing.tenant_id, outgoing.gateway), *(window.key for window in windows)]
    facts = [fact for w in windows for fact in (w.limit, w.length_ms, w.cost, w.promised_by)]
    wait_ms = await _redis().register_script(_ASK)(keys=keys, args=facts)
    return int(wait_ms) / 1000


async def pause(tenant_id: UUID, gateway: str, *, seconds: float) -> None:
    """The provider has had enough: nothing leaves through this gateway for so long, from any worker.

    A pause is never made shorter. Raises ``redis.RedisError``.
    """
    key, wanted_ms = _pause_key(tenant_id, gateway), max(int(seconds * 1000), 1)
    if not await _redis().set(key, b"", px=wanted_ms, nx=True):
        await _redis().pexpire(key, wanted_ms, gt=True)


async def announce_turn(seconds: float) -> None:
    """Tell the ticker that a message's turn comes in so many seconds; a lost word costs at most a second."""
    with contextlib.suppress(redis.RedisError):
        await _redis().publish(TURN, f"{seconds:.3f}")


async def room(gateways: Sequence[tuple[UUID, str]]) -> list[int]:
    """How many messages each gateway may be fed now, at most ``AHEAD_SECONDS`` worth. Raises ``redis.RedisError``."""
    if not gateways:
        return []
    asking = _redis().pipeline(transaction=False)
    for tenant_id, gateway in gateways:
        asking.eval(_BUSY, 2, _pause_key(tenant_id, gateway), _window_key(tenant_id, gateway))
    answers = await asking.execute()
    return [
        int(max(AHEAD_SECONDS - int(busy_ms) / 1000, 0.0) * rate(gateway))
        for (_, gateway), busy_ms in zip(gateways, answers, strict=True)
    ]
