/** `divide(a, b)`: rounded once to the nearest float, where WGSL's quotient may be off by 2.5 units. */
export const divide = /* wgsl */ `
fn divide(a: f32, b: f32) -> f32 {
  let x = bitcast<u32>(a);
  let y = bitcast<u32>(b);
  let x_exponent = (x >> 23u) & 255u;
  let y_exponent = (y >> 23u) & 255u;
  if (x_exponent == 0u || x_exponent == 255u || y_exponent == 0u || y_exponent == 255u) { return a / b; }
  var rest = (x & 0x7fffffu) | 0x800000u;
  let divisor = (y & 0x7fffffu) | 0x800000u;
  var exponent = i32(x_exponent) - i32(y_exponent) + 127;
  if (rest < divisor) { rest <<= 1u; exponent--; }
  // Long division: 24 bits of the quotient and one to round by.
  var quotient = 0u;
  for (var i = 0u; i < 25u; i++) {
    quotient <<= 1u;
    if (rest >= divisor) { rest -= divisor; quotient |= 1u; }
    rest <<= 1u;
  }
  let up = (quotient & 1u) == 1u && (rest != 0u || (quotient & 2u) != 0u);
  quotient = (quotient >> 1u) + select(0u, 1u, up);
  if (quotient == 0x1000000u) { quotient >>= 1u; exponent++; }
  if (exponent <= 0 || exponent >= 255) { return a / b; }
  return bitcast<f32>(((x ^ y) & 0x80000000u) | (u32(exponent) << 23u) | (quotient & 0x7fffffu));
}
`
