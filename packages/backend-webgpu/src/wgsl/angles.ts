/**
 * `angle(position, f)`: cosine and sine of position · frequencies(f), as exact as float64 would give them
 * rounded: the product is taken in turns of 64 binary places, so that long texts lose nothing.
 *
 * @param wide  frequencies are float64, as pairs of words, low word first
 * @param whole  positions are integers
 */
export function angles(wide: boolean, whole: boolean): string {
  return /* wgsl */ `
// Low and high word of a product.
fn multiply(a: u32, b: u32) -> vec2<u32> {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return vec2<u32>((second << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u));
}

// Turns that a frequency makes with each position, modulo 1, in units of 2^-64, low word first.
fn turns_of(f: u32) -> vec2<u32> {
  ${
    wide
      ? `let low = frequencies(2u * f);
  let high = frequencies(2u * f + 1u);
  let mantissa = vec2<u32>(low, (high & 0xfffffu) | 0x100000u);
  let exponent = i32((high >> 20u) & 0x7ffu) - 1075;
  if ((high & 0x7ff00000u) == 0u) { return vec2<u32>(); }`
      : `let bits = bitcast<u32>(f32(frequencies(f)));
  let mantissa = vec2<u32>((bits & 0x7fffffu) | 0x800000u, 0u);
  let exponent = i32((bits >> 23u) & 255u) - 150;
  if ((bits & 0x7f800000u) == 0u) { return vec2<u32>(); }`
  }
  // 1 / 2π in 96 binary places, lowest word first.
  var inverse = array<u32, 3>(0x7f09d5f4u, 0x9391054au, 0x28be60dbu);
  var words: array<u32, 7>;
  for (var i = 0u; i < 2u; i++) {
    var carry = 0u;
    for (var j = 0u; j < 3u; j++) {
      let product = multiply(mantissa[i], inverse[j]);
      let sum = words[i + j] + product.x;
      let whole = sum + carry;
      carry = product.y + select(0u, 1u, sum < product.x) + select(0u, 1u, whole < sum);
      words[i + j] = whole;
    }
    words[i + 3u] = carry;
  }
  // mantissa · inverse · 2^(exponent − 96) in units of 2^-64.
  let shift = 32 - exponent;
  if (shift < 0 || shift >= 160) { return vec2<u32>(); }
  let at = u32(shift) / 32u;
  let rest = u32(shift) % 32u;
  if (rest == 0u) { return vec2<u32>(words[at], words[at + 1u]); }
  return vec2<u32>(
    (words[at] >> rest) | (words[at + 1u] << (32u - rest)),
    (words[at + 1u] >> rest) | (words[at + 2u] << (32u - rest)),
  );
}

fn angle(token: u32, f: u32) -> vec2<f32> {
  let turns = turns_of(f);
  ${whole ? 'let position = u32(positions(token));' : 'let given = f32(positions(token)); let position = u32(i32(floor(given)));'}
  // Modulo one turn, so the sign takes care of itself.
  let low = multiply(turns.x, position);
  var turn = i32(low.y + turns.y * position);
  ${whole ? '' : 'turn += i32(u32((given - floor(given)) * f32(turns.y)));'}
  // The nearest quarter, and what is left of it: at most an eighth of a turn.
  let quarter = u32(turn + 0x20000000) >> 30u;
  let x = f32(turn - i32(quarter << 30u)) * ${(2 * Math.PI) / 2 ** 32};
  let square = x * x;
  let sine = x + x * square * (-1.0 / 6.0 + square * (1.0 / 120.0 + square * (-1.0 / 5040.0 + square / 362880.0)));
  let cosine = 1.0 + square * (-0.5 + square * (1.0 / 24.0 + square * (-1.0 / 720.0 + square / 40320.0)));
  let turned = select(vec2<f32>(cosine, sine), vec2<f32>(-sine, cosine), (quarter & 1u) == 1u);
  return select(turned, -turned, quarter >= 2u);
}
`
}
