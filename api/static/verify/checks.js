// Reading the proof of a draw and checking it from nothing but itself: the same checks, under the same names, as
// core/order/draw/verdict.py makes on the server. Each check is {name, ok, facts}.
"use strict";

(() => {
  const { sha256, hmacSha256, toHex, fromHex, toBytes, signatureGenuine } = self.Equb;

  const VERSION = "equb-draw-v1";
  const MAX_LOTS = 10000;
  const MAX_CHAIN = 100000;
  const MAX_COUNTER = 1000;
  const NAME = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,31}$/;
  const REASON = /^[a-z0-9][a-z0-9._-]{0,63}$/;
  const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{6})?\+00:00$/;

  const QUICKNET = {
    chain: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    public_key:
      "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    genesis: 1692803367,
    period_seconds: 3,
  };

  // --- reading: every field, no other, each of its type ---

  class Unreadable extends Error {
    constructor(field, problem) {
      super(`${field} ${problem}`);
      this.field = field;
    }
  }

  const isText = (value) => typeof value === "string" && /^[ -~]*$/.test(value);
  const isLines = (value) => typeof value === "string" && /^[\n -~]*$/.test(value);
  const isWhole = (value) => Number.isSafeInteger(value) && !Object.is(value, -0);
  const isListOf = (isOne) => (value) => Array.isArray(value) && value.every(isOne);
  const isOf = (shape) => (value) =>
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    Object.keys(value).sort().join() === Object.keys(shape).sort().join() &&
    Object.entries(shape).every(([name, isRight]) => isRight(value[name]));

  function isInstant(value) {
    const parts = isText(value) && INSTANT.exec(value);
    if (!parts || value.startsWith("0000") || parts[2] === ".000000") return false;
    const date = new Date(`${parts[1]}Z`);
    return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 19) === parts[1];
  }

  const BEACON = {
    chain: isText,
    public_key: isText,
    genesis: isWhole,
    period_seconds: isWhole,
    round: isWhole,
    randomness: isText,
    signature: isText,
  };
  const PROOF = {
    version: (value) => value === VERSION,
    code: isText,
    group_code: isText,
    round_number: isWhole,
    frozen_at: isInstant,
    draw_at: isInstant,
    list_text: isLines,
    list_hash: isText,
    frozen_hash: isText,
    earlier: isListOf(isText),
    exclusions: isListOf(isOf({ lot: isText, reason: isText })),
    anchor: isText,
    previous: isText,
    link: isText,
    link_number: isWhole,
    beacon: isOf(BEACON),
    counter: isWhole,
    index: isWhole,
    lot: isText,
    record: isText,
  };

  // The proof in a JSON text; throws Unreadable with the first field that is not as it should be.
  function readProof(text) {
    let proof;
    try {
      proof = JSON.parse(text);
    } catch {
      throw new Unreadable("JSON", "broken");
    }
    if (proof === null || typeof proof !== "object" || Array.isArray(proof)) throw new Unreadable("JSON", "shape");
    for (const [name, isRight] of Object.entries(PROOF)) {
      if (!isRight(proof[name])) throw new Unreadable(name, "wrong");
    }
    const stranger = Object.keys(proof).find((name) => !Object.keys(PROOF).includes(name));
    if (stranger !== undefined) throw new Unreadable(stranger, "unknown");
    return proof;
  }

  // --- the parts of a draw ---

  // Keys sorted, no spaces; everything in a proof that was read is printable ASCII, so there is one spelling.
  function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    const entries = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
    return `{${entries.join(",")}}`;
  }

  function recordHash(proof) {
    const { record, ...rest } = proof;
    return hashOf(canonical(rest));
  }

  const hashOf = (text) => toHex(sha256(toBytes(text)));

  // The lots of a frozen list, or null unless it is whole: not empty, well-formed, sorted, each lot once.
  function lotsOf(text) {
    if (!text.endsWith("\n")) return null;
    const lots = text.slice(0, -1).split("\n");
    const whole =
      lots.length <= MAX_LOTS &&
      lots.every((lot) => NAME.test(lot)) &&
      lots.every((lot, i) => i === 0 || lots[i - 1] < lot);
    return whole ? lots : null;
  }

  const listText = (lots) => [...lots].sort().map((lot) => `${lot}\n`).join("");

  function hashedTimes(bytes, times) {
    for (let i = 0; i < times; i++) bytes = sha256(bytes);
    return bytes;
  }

  // The digest as a number modulo n, or null at or above the largest multiple of n.
  function indexBelow(digest, n) {
    const space = 1n << BigInt(8 * digest.length);
    const value = BigInt(`0x${toHex(digest)}`);
    return value < space - (space % BigInt(n)) ? Number(value % BigInt(n)) : null;
  }

  function drawLot(proof, lots, randomness) {
    const start = `${VERSION}|${proof.group_code}|${proof.round_number}|${hashOf(proof.list_text)}|${proof.link}`;
    for (let counter = 0; counter <= MAX_COUNTER; counter++) {
      const message = `${start}|${counter}`;
      const index = indexBelow(hmacSha256(randomness, toBytes(message)), lots.length);
      if (index !== null) return { index, lot: lots[index], counter, message };
    }
    return null;
  }

  // Seconds since 1970 and whether a fraction of a second follows.
  function secondsOf(instant) {
    const [, whole, fraction] = INSTANT.exec(instant);
    return { seconds: Date.parse(`${whole}Z`) / 1000, fraction: fraction || "" };
  }

  // The first beacon round at or after the instant: round r is due at genesis + (r - 1) * period.
  function beaconRoundAt(instant, genesis, period) {
    const { seconds, fraction } = secondsOf(instant);
    const passed = seconds - genesis;
    const rounds = fraction ? Math.floor(passed / period) + 1 : Math.ceil(passed / period);
    return Math.max(1, rounds + 1);
  }

  function isBefore(one, other) {
    const [a, b] = [secondsOf(one), secondsOf(other)];
    return a.seconds < b.seconds || (a.seconds === b.seconds && a.fraction < b.fraction);
  }

  // --- the checks ---

  function listCheck(proof) {
    const lots = lotsOf(proof.list_text);
    const found = hashOf(proof.list_text);
    const facts = { said: proof.list_hash, found, lots: lots === null ? 0 : lots.length };
    return { name: "list", ok: lots !== null && found === proof.list_hash, facts };
  }

  function frozenCheck(proof) {
    const lots = lotsOf(proof.list_text);
    const text = lots === null ? "" : listText([...lots, ...proof.earlier]);
    const found = hashOf(text);
    const ok =
      lotsOf(text) !== null && found === proof.frozen_hash && isBefore(proof.frozen_at, proof.draw_at);
    return { name: "frozen", ok, facts: { said: proof.frozen_hash, found, earlier: proof.earlier.length } };
  }

  function exclusionsCheck(proof) {
    const out = proof.exclusions.map((exclusion) => exclusion.lot);
    const drawable = new Set(proof.list_text.split("\n"));
    const ok =
      out.length <= MAX_LOTS &&
      proof.exclusions.every(({ lot, reason }) => NAME.test(lot) && REASON.test(reason)) &&
      new Set(out).size === out.length &&
      !out.some((lot) => drawable.has(lot));
    return { name: "exclusions", ok, facts: { lots: out.length } };
  }

  function chainCheck(proof) {
    const link = fromHex(proof.link, 32);
    const counted = proof.link_number >= 1 && proof.link_number <= MAX_CHAIN;
    const ok =
      link !== null &&
      counted &&
      toHex(sha256(link)) === proof.previous &&
      toHex(hashedTimes(link, proof.link_number)) === proof.anchor;
    return { name: "chain", ok, facts: { number: proof.link_number, link: proof.link, anchor: proof.anchor } };
  }

  function sourceCheck({ beacon }) {
    const whole =
      fromHex(beacon.chain, 32) !== null &&
      beacon.period_seconds >= 1 &&
      beacon.genesis >= 0 &&
      beacon.genesis < 2 ** 33;
    const alike = Object.keys(QUICKNET).map((name) => beacon[name] === QUICKNET[name]);
    const posing = beacon.chain === QUICKNET.chain || beacon.public_key === QUICKNET.public_key;
    return {
      name: "beacon_source",
      ok: whole && (alike.every(Boolean) || !posing),
      facts: { chain: beacon.chain, key: beacon.public_key },
      whole,
    };
  }

  function lotCheck(proof) {
    const lots = lotsOf(proof.list_text);
    const randomness = fromHex(proof.beacon.randomness, 32);
    const usable =
      lots !== null &&
      randomness !== null &&
      fromHex(proof.link, 32) !== null &&
      NAME.test(proof.group_code) &&
      proof.round_number >= 1;
    const drawn = usable ? drawLot(proof, lots, randomness) : null;
    const ok =
      drawn !== null &&
      drawn.lot === proof.lot &&
      drawn.index === proof.index &&
      drawn.counter === proof.counter;
    const facts = { said: proof.lot };
    if (drawn !== null) {
      const { lot: found, ...rest } = drawn;
      Object.assign(facts, { found, ...rest });
    }
    return { name: "lot", ok, facts };
  }

  // Yields the checks one by one; the signature, which takes the longest, comes last.
  function* checks(proof) {
    const { beacon } = proof;
    yield listCheck(proof);
    yield frozenCheck(proof);
    yield exclusionsCheck(proof);
    yield chainCheck(proof);
    const { whole, ...source } = sourceCheck(proof);
    yield source;
    const due = whole ? beaconRoundAt(proof.draw_at, beacon.genesis, beacon.period_seconds) : 0;
    yield { name: "beacon_round", ok: due === beacon.round, facts: { said: beacon.round, found: due } };
    const signature = fromHex(beacon.signature, 48) || new Uint8Array(0);
    const randomness = toHex(sha256(signature));
    yield {
      name: "beacon_randomness",
      ok: randomness === beacon.randomness,
      facts: { said: beacon.randomness, found: randomness },
    };
    yield lotCheck(proof);
    const record = recordHash(proof);
    yield { name: "record", ok: record === proof.record, facts: { said: proof.record, found: record } };
    const key = fromHex(beacon.public_key, 96) || new Uint8Array(0);
    yield {
      name: "beacon_signature",
      ok: signatureGenuine(key, beacon.round, signature),
      facts: { round: beacon.round, signature: beacon.signature },
    };
  }

  const isTestBeacon = (proof) => proof.beacon.public_key !== QUICKNET.public_key;

  Object.assign(self.Equb, { readProof, checks, lotsOf, indexBelow, isTestBeacon });
})();
