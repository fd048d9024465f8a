import { type DType, dtypeBits, narrowFloats } from '@tersor/core-tensor'
import type { Card } from '../card.ts'

/** What WGSL computes with for a dtype. */
export type Scalar = 'f32' | 'i32' | 'u32'

/** How a dtype lies in a buffer: as itself, or several elements in a word. */
export function scalarOf(type: DType): Scalar {
  if (type.includes('float')) return 'f32'
  return type.startsWith('int') ? 'i32' : 'u32'
}

/** Elements in a word of 32 bits. */
export function perWord(type: DType): number {
  return 32 / dtypeBits[type]
}

/** Whether WGSL has the dtype itself. */
export function isNative(type: DType): boolean {
  return dtypeBits[type] === 32
}

/** An expression for element `index`, which is evaluated twice, of an array of words. */
export function loaded(type: DType, array: string, index: string): string {
  if (isNative(type)) return `${array}[${index}]`
  const bits = dtypeBits[type]
  const per = perWord(type)
  const shift = `(((${index}) % ${per}u) * ${bits}u)`
  const word = `${array}[(${index}) / ${per}u]`
  // extractBits widens the sign of signed numbers.
  if (type.startsWith('int')) return `extractBits(bitcast<i32>(${word}), ${shift}, ${bits}u)`
  const raw = `extractBits(${word}, ${shift}, ${bits}u)`
  return type.includes('float') ? `from_${type}(${raw})` : raw
}

/** The bits of `value`, a scalar of kind `from`, as an element of a dtype, in the lowest bits of a u32. */
export function encodedBits(from: Scalar, type: DType, value: string): string {
  const to = scalarOf(type)
  if (type === 'bool')
    return from === 'f32'
      ? `select(0u, 1u, (bitcast<u32>(${value}) & 0x7fffffffu) != 0u)`
      : `select(0u, 1u, ${value} != 0)`
  const number = from === to ? value : `${from}_to_${to}(${value})`
  if (to === 'f32') return type === 'float32' ? `bitcast<u32>(${number})` : `to_${type}(${number})`
  const bits = dtypeBits[type]
  if (bits === 32) return to === 'i32' ? `bitcast<u32>(${number})` : number
  const top = 2 ** (to === 'i32' ? bits - 1 : bits) - 1
  return to === 'i32' ? `bitcast<u32>(clamp(${number}, ${-top - 1}, ${top}))` : `min(${number}, ${top}u)`
}

/** `value`, a scalar of kind `from`, as a dtype of 32 bits. */
export function converted(from: Scalar, type: DType, value: string): string {
  const to = scalarOf(type)
  return from === to ? value : `${from}_to_${to}(${value})`
}

/** Conversions between scalars that saturate and round to even, whatever the driver does. */
export const conversions = /* wgsl */ `
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn f32_to_i32(x: f32) -> i32 {
  if (is_nan(x)) { return 0; }
  if (x >= 2147483648.0) { return 2147483647; }
  if (x <= -2147483648.0) { return -2147483647 - 1; }
  return i32(x);
}
fn f32_to_u32(x: f32) -> u32 {
  if (is_nan(x) || x <= 0.0) { return 0u; }
  if (x >= 4294967296.0) { return 0xffffffffu; }
  return u32(x);
}
fn i32_to_u32(x: i32) -> u32 { return u32(max(x, 0)); }
fn u32_to_i32(x: u32) -> i32 { return i32(min(x, 0x7fffffffu)); }
// Both halves are exact, so that their sum is rounded once.
fn u32_to_f32(x: u32) -> f32 { return f32(x >> 16u) * 65536.0 + f32(x & 0xffffu); }
fn i32_to_f32(x: i32) -> f32 {
  let magnitude = u32_to_f32(select(u32(x), 0u - u32(x), x < 0));
  return select(magnitude, -magnitude, x < 0);
}
`

/**
 * from_… and to_… of a narrow float: on its bits, so that subnormals stay and ties go to even; but half
 * precision is widened by a card that does.
 */
export function narrowFloatCode(type: keyof typeof narrowFloats, card: Card): string {
  const { exponentBits, mantissaBits, infinities, saturates } = narrowFloats[type]
  const sign = exponentBits + mantissaBits
  const top = 2 ** exponentBits - 1
  const bias = 2 ** (exponentBits - 1) - 1
  const shift = 23 - mantissaBits
  const infinity = top << mantissaBits
  const allOnes = 2 ** sign - 1
  const nan = infinities ? infinity | (1 << (mantissaBits - 1)) : allOnes
  const largest = infinities ? infinity - 1 : allOnes - 1
  const beyond = saturates ? largest : infinities ? infinity : nan
  const subnormal =
    type === 'bfloat16'
      ? 'return bitcast<f32>(sign | (magnitude << 16u));'
      : `let small = f32(magnitude) * ${2 ** (1 - bias - mantissaBits)};
    return select(small, -small, sign != 0u);`
  const widening = /* wgsl */ `fn from_${type}(bits: u32) -> f32 {
  let sign = (bits >> ${sign}u) << 31u;
  let magnitude = bits & ${allOnes}u;
  if (magnitude < ${1 << mantissaBits}u) {
    ${subnormal}
  }
  ${
    infinities
      ? `if (magnitude >= ${infinity}u) { return bitcast<f32>(sign | 0x7f800000u | ((magnitude & ${(1 << mantissaBits) - 1}u) << ${shift}u)); }`
      : `if (magnitude == ${allOnes}u) { return bitcast<f32>(sign | 0x7fc00000u); }`
  }
  return bitcast<f32>(sign | ((magnitude << ${shift}u) + ${(127 - bias) << 23}u));
}`
  return /* wgsl */ `
${type === 'float16' && card.float16 ? 'fn from_float16(bits: u32) -> f32 { return f32(bitcast<vec2<f16>>(bits).x); }' : widening}
fn to_${type}(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  let sign = (bits >> 31u) << ${sign}u;
  if (magnitude > 0x7f800000u) { return ${nan}u; }
  let exponent = i32(magnitude >> 23u) - ${127 - bias};
  var mantissa = magnitude & 0x7fffffu;
  var cut = ${shift}u;
  var base = 0u;
  if (exponent > 0) {
    base = u32(exponent) << ${mantissaBits}u;
  } else {
    if (magnitude >= 0x800000u) { mantissa |= 0x800000u; }
    cut = min(${shift}u + u32(${type === 'bfloat16' ? '0' : '1 - exponent'}), 31u);
  }
  // A carry out of the mantissa runs into the exponent, which is what the next binade needs.
  let kept = mantissa >> cut;
  let rest = mantissa - (kept << cut);
  let half = 1u << (cut - 1u);
  let up = select(0u, 1u, rest > half || (rest == half && (kept & 1u) == 1u));
  let code = base + kept + up;
  return sign | select(code, ${beyond}u, code > ${largest}u);
}
`
}
