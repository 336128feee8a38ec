"""The number of SMS of a text, as two programs that nobody here wrote count it."""

import json
import random

import node_peers
import smsutil

from core.segments import GSM7, encoding, segments

HOW_MANY = 10_000

# Each alphabet is a habit of writing; a text is of one, or of two that meet.
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,:;!?'()+-*/=&%#\n",
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà",
    "^{}\\[~]|€",
    "ሀሁሂለሉመሙሰሱረሩሸሹቀቁበቡተቱአኡከኩወዉዘዙየዩደዱገጉጠጡፈፉ ፡።፣፤0123456789",
    "’‘“”–—…•«»\u00a0\u2009",
    # Each is one code point. Flags and joined families are several, which the calculator alone keeps in one part.
    "😀🎉🙏💰🏦👍",
    "àâçêîôûëïÿœ" + "абвгдежз" + "ابتثجح",
)
# Lengths at which parts end, so that many texts fall on an edge, and any others.
EDGES = (1, 35, 67, 68, 70, 77, 80, 134, 153, 154, 160, 201)
LATER_EDGES = (268, 306, 459)


def texts(seed: int) -> list[str]:
    """Random texts, the same ones in every run."""
    chance = random.Random(seed)
    made = []
    for _ in range(HOW_MANY):
        first, second = chance.choice(ALPHABETS), chance.choice(ALPHABETS)
        share = chance.choice((0.0, 0.02, 0.3))
        edge = chance.choice(LATER_EDGES if chance.random() < 0.1 else EDGES)
        length = max(1, edge + chance.randint(-2, 2)) if chance.random() < 0.7 else chance.randint(1, 150)
        made.append("".join(chance.choice(second if chance.random() < share else first) for _ in range(length)))
    return made


def test_ten_thousand_texts_are_counted_as_two_other_programs_count_them() -> None:
    written = texts(20261122)
    done = node_peers.run("segments.mjs", given=json.dumps(written))
    assert done.returncode == 0, done.stderr
    calculated = json.loads(done.stdout)
    assert len(calculated) == HOW_MANY
    ours = [[segments(text), encoding(text)] for text in written]
    different = [found for found in zip(written, ours, calculated, strict=True) if found[1] != found[2]]
    assert different == []
    assert [count for count, _ in ours] == [len(smsutil.split(text).parts) for text in written]
    # Both alphabets and chains of several parts were among them, or the agreement would say little.
    kinds = {(known == GSM7, min(count, 3)) for count, known in calculated}
    assert kinds == {(plain, parts) for plain in (True, False) for parts in (1, 2, 3)}
