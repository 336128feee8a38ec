// Is a beacon round's BLS signature genuine? BLS12-381, signatures in G1, keys in G2, as drand's scheme
// bls-unchained-g1-rfc9380 has it. Plain BigInt arithmetic: everything here is public, so nothing has to take
// constant time. A point is [x, y], or null at infinity.
"use strict";

(() => {
  const { sha256, concat, toBytes, isogeny } = self.Equb;

  const P = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn;
  const R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
  // The curve's parameter is the negative of this.
  const X = 0xd201000000010000n;
  const G1_COFACTOR = 0xd201000000010001n;
  const DOMAIN = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
  const G2_GENERATOR = [
    [
      0x024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8n,
      0x13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7en,
    ],
    [
      0x0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801n,
      0x0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79ben,
    ],
  ];

  // --- numbers modulo P ---

  function power(field, base, exponent) {
    let result = field.one;
    for (const bit of exponent.toString(2)) {
      result = field.square(result);
      if (bit === "1") result = field.times(result, base);
    }
    return result;
  }

  const Fp = {
    zero: 0n,
    one: 1n,
    plus: (a, b) => (a + b < P ? a + b : a + b - P),
    minus: (a, b) => (a < b ? a - b + P : a - b),
    times: (a, b) => (a * b) % P,
    square: (a) => (a * a) % P,
    negative: (a) => (a === 0n ? 0n : P - a),
    isZero: (a) => a === 0n,
    equal: (a, b) => a === b,
    inverse(a) {
      let [low, high, low_times, high_times] = [a, P, 1n, 0n];
      while (low !== 0n) {
        const whole = high / low;
        [low, high] = [high - whole * low, low];
        [low_times, high_times] = [high_times - whole * low_times, low_times];
      }
      return ((high_times % P) + P) % P;
    },
    // A square root, or null: P is 3 modulo 4.
    root(a) {
      const root = power(Fp, a, (P + 1n) / 4n);
      return Fp.square(root) === a ? root : null;
    },
    isLarger: (a) => a > (P - 1n) / 2n,
  };

  // --- Fp2 = Fp[u] / (u^2 + 1), as [c0, c1] ---

  const Fp2 = {
    zero: [0n, 0n],
    one: [1n, 0n],
    plus: (a, b) => [Fp.plus(a[0], b[0]), Fp.plus(a[1], b[1])],
    minus: (a, b) => [Fp.minus(a[0], b[0]), Fp.minus(a[1], b[1])],
    times(a, b) {
      const low = a[0] * b[0];
      const high = a[1] * b[1];
      const real = (low - high) % P;
      return [real < 0n ? real + P : real, ((a[0] + a[1]) * (b[0] + b[1]) - low - high) % P];
    },
    square: (a) => [Fp.times(a[0] + a[1], Fp.minus(a[0], a[1])), (2n * a[0] * a[1]) % P],
    scaled: (a, by) => [Fp.times(a[0], by), Fp.times(a[1], by)],
    negative: (a) => [Fp.negative(a[0]), Fp.negative(a[1])],
    conjugate: (a) => [a[0], Fp.negative(a[1])],
    // Times 1 + u, the element that the tower above is built on.
    raised: (a) => [Fp.minus(a[0], a[1]), Fp.plus(a[0], a[1])],
    isZero: (a) => a[0] === 0n && a[1] === 0n,
    equal: (a, b) => a[0] === b[0] && a[1] === b[1],
    inverse(a) {
      const by = Fp.inverse((a[0] * a[0] + a[1] * a[1]) % P);
      return [Fp.times(a[0], by), Fp.times(Fp.negative(a[1]), by)];
    },
    root(a) {
      const start = power(Fp2, a, (P - 3n) / 4n);
      const candidate = Fp2.times(start, a);
      const sign = Fp2.times(start, candidate);
      const root = Fp2.equal(sign, [P - 1n, 0n])
        ? Fp2.times([0n, 1n], candidate)
        : Fp2.times(power(Fp2, Fp2.plus(Fp2.one, sign), (P - 1n) / 2n), candidate);
      return Fp2.equal(Fp2.square(root), a) ? root : null;
    },
    isLarger: (a) => (a[1] === 0n ? Fp.isLarger(a[0]) : Fp.isLarger(a[1])),
  };

  // --- Fp6 = Fp2[v] / (v^3 - (1 + u)), as [c0, c1, c2] ---

  const Fp6 = {
    zero: [Fp2.zero, Fp2.zero, Fp2.zero],
    one: [Fp2.one, Fp2.zero, Fp2.zero],
    plus: (a, b) => a.map((part, i) => Fp2.plus(part, b[i])),
    minus: (a, b) => a.map((part, i) => Fp2.minus(part, b[i])),
    negative: (a) => a.map(Fp2.negative),
    times([a0, a1, a2], [b0, b1, b2]) {
      const low = Fp2.times(a0, b0);
      const middle = Fp2.times(a1, b1);
      const high = Fp2.times(a2, b2);
      const cross = (x, y, z, w, first, second) =>
        Fp2.minus(Fp2.times(Fp2.plus(x, y), Fp2.plus(z, w)), Fp2.plus(first, second));
      return [
        Fp2.plus(low, Fp2.raised(cross(a1, a2, b1, b2, middle, high))),
        Fp2.plus(cross(a0, a1, b0, b1, low, middle), Fp2.raised(high)),
        Fp2.plus(cross(a0, a2, b0, b2, low, high), middle),
      ];
    },
    // Times v.
    raised: ([a0, a1, a2]) => [Fp2.raised(a2), a0, a1],
    inverse([a0, a1, a2]) {
      const t0 = Fp2.minus(Fp2.square(a0), Fp2.raised(Fp2.times(a1, a2)));
      const t1 = Fp2.minus(Fp2.raised(Fp2.square(a2)), Fp2.times(a0, a1));
      const t2 = Fp2.minus(Fp2.square(a1), Fp2.times(a0, a2));
      const norm = Fp2.plus(
        Fp2.times(a0, t0),
        Fp2.raised(Fp2.plus(Fp2.times(a2, t1), Fp2.times(a1, t2))),
      );
      const by = Fp2.inverse(norm);
      return [t0, t1, t2].map((part) => Fp2.times(part, by));
    },
  };

  // --- Fp12 = Fp6[w] / (w^2 - v), as [c0, c1] ---

  // (1 + u)^((P - 1) / 6), to the powers 0 to 5: what raising to P does to w^i.
  const FROBENIUS = [Fp2.one];
  const FROBENIUS_STEP = power(Fp2, [1n, 1n], (P - 1n) / 6n);
  for (let i = 1; i < 6; i++) FROBENIUS.push(Fp2.times(FROBENIUS[i - 1], FROBENIUS_STEP));

  const Fp12 = {
    one: [Fp6.one, Fp6.zero],
    times([a0, a1], [b0, b1]) {
      const low = Fp6.times(a0, b0);
      const high = Fp6.times(a1, b1);
      const cross = Fp6.times(Fp6.plus(a0, a1), Fp6.plus(b0, b1));
      return [Fp6.plus(low, Fp6.raised(high)), Fp6.minus(cross, Fp6.plus(low, high))];
    },
    square([a0, a1]) {
      const product = Fp6.times(a0, a1);
      const sum = Fp6.times(Fp6.plus(a0, a1), Fp6.plus(a0, Fp6.raised(a1)));
      return [Fp6.minus(sum, Fp6.plus(product, Fp6.raised(product))), Fp6.plus(product, product)];
    },
    conjugate: ([a0, a1]) => [a0, Fp6.negative(a1)],
    inverse([a0, a1]) {
      const by = Fp6.inverse(Fp6.minus(Fp6.times(a0, a0), Fp6.raised(Fp6.times(a1, a1))));
      return [Fp6.times(a0, by), Fp6.negative(Fp6.times(a1, by))];
    },
    // To the power of P.
    frobenius: (a) =>
      a.map((half, odd) => half.map((c, i) => Fp2.times(Fp2.conjugate(c), FROBENIUS[2 * i + odd]))),
    isOne: ([a0, a1]) =>
      Fp2.equal(a0[0], Fp2.one) && [a0[1], a0[2], ...a1].every((part) => Fp2.isZero(part)),
  };

  // --- points of y^2 = x^3 + b over either field ---

  function add(field, a, b) {
    if (a === null) return b;
    if (b === null) return a;
    let slope;
    if (!field.equal(a[0], b[0])) {
      slope = field.times(field.minus(b[1], a[1]), field.inverse(field.minus(b[0], a[0])));
    } else if (field.equal(a[1], b[1]) && !field.isZero(a[1])) {
      slope = tangent(field, a);
    } else {
      return null;
    }
    const x = field.minus(field.square(slope), field.plus(a[0], b[0]));
    return [x, field.minus(field.times(slope, field.minus(a[0], x)), a[1])];
  }

  function tangent(field, [x, y]) {
    const square = field.square(x);
    return field.times(field.plus(square, field.plus(square, square)), field.inverse(field.plus(y, y)));
  }

  function multiply(field, point, by) {
    let result = null;
    for (const bit of by.toString(2)) {
      result = add(field, result, result);
      if (bit === "1") result = add(field, result, point);
    }
    return result;
  }

  const toNumber = (bytes) => bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);

  // The point that compressed bytes stand for, or null for anything that is not one of the right group.
  // Infinity counts as wrong: as key or signature it would make every check come out true.
  function decompressed(field, curveB, coordinates, larger) {
    if (coordinates.some((coordinate) => coordinate >= P)) return null;
    const x = field === Fp ? coordinates[0] : [coordinates[1], coordinates[0]];
    const root = field.root(field.plus(field.times(field.square(x), x), curveB));
    if (root === null) return null;
    const point = [x, field.isLarger(root) === larger ? root : field.negative(root)];
    return multiply(field, point, R) === null ? point : null;
  }

  function pointOf(field, curveB, bytes) {
    const [compressed, infinity, larger] = [0x80, 0x40, 0x20].map((flag) => (bytes[0] & flag) !== 0);
    if (!compressed || infinity) return null;
    const rest = Uint8Array.from(bytes);
    rest[0] &= 0x1f;
    const coordinates = [];
    for (let at = 0; at < rest.length; at += 48) coordinates.push(toNumber(rest.subarray(at, at + 48)));
    return decompressed(field, curveB, coordinates, larger);
  }

  // --- hashing to G1 (RFC 9380: expand_message_xmd, simplified SWU, the 11-isogeny, the cofactor) ---

  function expanded(message, length) {
    const domain = toBytes(DOMAIN);
    const suffix = concat(domain, Uint8Array.of(domain.length));
    const first = sha256(
      concat(new Uint8Array(64), message, Uint8Array.of(length >> 8, length & 255, 0), suffix),
    );
    let block = new Uint8Array(32);
    let whole = new Uint8Array(0);
    for (let number = 1; whole.length < length; number++) {
      block = sha256(concat(block.map((byte, i) => byte ^ first[i]), Uint8Array.of(number), suffix));
      whole = concat(whole, block);
    }
    return whole;
  }

  function mappedToCurve(u) {
    const { A, B, Z } = isogeny;
    const right = (x) => Fp.plus(Fp.times(Fp.plus(Fp.square(x), A), x), B);
    const zu = Fp.times(Z, Fp.square(u));
    const both = Fp.plus(Fp.square(zu), zu);
    let x = Fp.isZero(both)
      ? Fp.times(B, Fp.inverse(Fp.times(Z, A)))
      : Fp.times(Fp.times(Fp.negative(B), Fp.inverse(A)), Fp.plus(1n, Fp.inverse(both)));
    let y = Fp.root(right(x));
    if (y === null) {
      x = Fp.times(zu, x);
      y = Fp.root(right(x));
    }
    if ((y & 1n) !== (u & 1n)) y = Fp.negative(y);
    const value = (coefficients) => coefficients.reduceRight((sum, c) => Fp.plus(Fp.times(sum, x), c), 0n);
    const xBottom = value(isogeny.xBottom);
    const yBottom = value(isogeny.yBottom);
    if (xBottom === 0n || yBottom === 0n) return null;
    return [
      Fp.times(value(isogeny.xTop), Fp.inverse(xBottom)),
      Fp.times(y, Fp.times(value(isogeny.yTop), Fp.inverse(yBottom))),
    ];
  }

  function hashToG1(message) {
    const bytes = expanded(message, 128);
    const [first, second] = [bytes.subarray(0, 64), bytes.subarray(64)].map((half) => toNumber(half) % P);
    return multiply(Fp, add(Fp, mappedToCurve(first), mappedToCurve(second)), G1_COFACTOR);
  }

  // --- the pairing ---

  // The line through T with that slope (both on the twist), at the point [x, y] of G1, as an element of Fp12.
  // Scaled by w^3, which the final exponentiation sends to one.
  function lineAt([tx, ty], slope, [x, y]) {
    return [
      [Fp2.minus(Fp2.times(slope, tx), ty), Fp2.scaled(Fp2.negative(slope), x), Fp2.zero],
      [Fp2.zero, [y, 0n], Fp2.zero],
    ];
  }

  // The product of the Miller loops of all pairs [point in G1, point in G2]; none of them is infinity.
  function millerProduct(pairs) {
    const walks = pairs.map(([p, q]) => ({ p, q, t: q }));
    let product = Fp12.one;
    for (const bit of X.toString(2).slice(1)) {
      product = Fp12.square(product);
      for (const walk of walks) {
        product = Fp12.times(product, lineAt(walk.t, tangent(Fp2, walk.t), walk.p));
        walk.t = add(Fp2, walk.t, walk.t);
        if (bit === "1") {
          const rise = Fp2.minus(walk.q[1], walk.t[1]);
          const slope = Fp2.times(rise, Fp2.inverse(Fp2.minus(walk.q[0], walk.t[0])));
          product = Fp12.times(product, lineAt(walk.t, slope, walk.p));
          walk.t = add(Fp2, walk.t, walk.q);
        }
      }
    }
    // The parameter is negative.
    return Fp12.conjugate(product);
  }

  // Is the product one after the final exponentiation? Computes its cube, which is one in the same cases:
  // 3 (P^4 - P^2 + 1) / R = (x - 1)^2 (x + P) (x^2 + P^2 - 1) + 3, with x the (negative) parameter.
  function isOneInTheEnd(product) {
    const { times, conjugate, frobenius } = Fp12;
    const toX = (a) => conjugate(power(Fp12, a, X));
    const half = times(conjugate(product), Fp12.inverse(product));
    const easy = times(frobenius(frobenius(half)), half);
    const toXMinusOne = (a) => times(toX(a), conjugate(a));
    const first = toXMinusOne(toXMinusOne(easy));
    const second = times(toX(first), frobenius(first));
    const third = times(toX(toX(second)), times(frobenius(frobenius(second)), conjugate(second)));
    return Fp12.isOne(times(third, times(Fp12.square(easy), easy)));
  }

  // Does the signature (48 bytes) belong to that round under that key (96 bytes)? False for anything malformed.
  function signatureGenuine(publicKey, round, signature) {
    if (publicKey.length !== 96 || signature.length !== 48) return false;
    if (!Number.isSafeInteger(round) || round < 0) return false;
    const signed = pointOf(Fp, 4n, signature);
    const key = pointOf(Fp2, [4n, 4n], publicKey);
    if (signed === null || key === null) return false;
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(round));
    const hashed = hashToG1(sha256(number));
    return isOneInTheEnd(
      millerProduct([
        [[signed[0], Fp.negative(signed[1])], G2_GENERATOR],
        [hashed, key],
      ]),
    );
  }

  Object.assign(self.Equb, { signatureGenuine });
})();
