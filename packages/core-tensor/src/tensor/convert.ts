import { ShapeError } from '../errors.ts'
import { sizeOf } from './dims.ts'
import { bytesOf, checkDType, type DType, dtypeBits, type HostArray, hostView } from './dtype.ts'
import { decodeNarrow, encodeNarrow, type NarrowFloat, narrowFloats } from './narrow-float.ts'
import type { Tensor, TensorLike } from './tensor.ts'
import { requireTensorLike } from './tensor-like.ts'

/** A typed array that holds numbers as they are. */
export type NumberArray = Exclude<HostArray, BigInt64Array>

/**
 * The elements of a tensor as numbers: its own data where the dtype is held as plain numbers
 * (float64, float32, integers of 8 to 32 bits, bool), else a copy in float32 (int64: float64).
 * @example
 * numbersOf(new Tensor('int4', Uint8Array.of(0xf7), [2])) // => Float32Array [7, -1]
 */
export function numbersOf(x: TensorLike | Tensor): NumberArray {
  requireTensorLike(x, 'numbersOf')
  const { type } = x
  checkDType(type, 'numbersOf')
  const size = sizeOf(x.dims)
  const data = hostView(type, x.data)
  if (data.byteLength !== bytesOf(type, size)) {
    throw new ShapeError(
      `[numbersOf] expected ${bytesOf(type, size)} bytes for ${type} [${x.dims}], got ${data.byteLength}`,
    )
  }
  switch (type) {
    case 'int64':
      return Float64Array.from(data as BigInt64Array, Number)
    case 'int4':
    case 'uint4':
      return unpackNibbles(data as Uint8Array, size, type === 'int4')
    case 'bfloat16':
      return widenBfloat16(data as Uint16Array)
    case 'float16':
      return widenFloat16(data as Uint16Array)
    case 'float8e4m3fn':
    case 'float8e5m2':
      return widenByTable(data as Uint8Array, type)
    default:
      return data as NumberArray
  }
}

/** The elements of a tensor in float32: its own data if it is float32, else a rounded copy. */
export function toFloat32(x: TensorLike | Tensor): Float32Array {
  const numbers = numbersOf(x)
  return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers)
}

/** The elements of a tensor in float64: its own data if it is float64, else a copy. */
export function toFloat64(x: TensorLike | Tensor): Float64Array {
  const numbers = numbersOf(x)
  return numbers instanceof Float64Array ? numbers : Float64Array.from(numbers)
}

/**
 * Writes numbers as elements of a dtype. Floats round to nearest, ties to even (8-bit ones
 * saturate); integers drop the fraction and saturate, NaN becomes 0; bool is 1 for all but 0.
 *
 * @param out  the host array of `type`, of the length that holds `values`
 */
export function writeNumbers(values: ArrayLike<number>, type: DType, out: HostArray): void {
  const expected = bytesOf(type, values.length)
  if (out.byteLength !== expected) {
    throw new ShapeError(
      `[cast] expected an out of ${expected} bytes for ${values.length} ${type}, got ${out.byteLength}`,
    )
  }
  if (type === 'float64' || type === 'float32') {
    ;(out as Float32Array).set(values)
    return
  }
  if (values instanceof Float32Array && (type === 'float16' || type === 'bfloat16')) {
    const narrow = type === 'float16' ? narrowToFloat16 : narrowToBfloat16
    narrow(values, out as Uint16Array)
    return
  }
  const convert = conversionTo(type)
  const bits = dtypeBits[type]
  const low = type.startsWith('int') ? -(2 ** (bits - 1)) : 0
  const high = low + 2 ** bits - 1
  const integers = out as Int32Array
  if (convert !== undefined) {
    const held = out as { [i: number]: number | bigint }
    for (let i = 0; i < values.length; i++) held[i] = convert(values[i]!)
  } else if (bits === 4) packNibbles(values, low, high, out as Uint8Array)
  else for (let i = 0; i < values.length; i++) integers[i] = clampInteger(values[i]!, low, high)
}

/** What the host array of a dtype holds of a number, where that is not the integer part within its range. */
function conversionTo(type: DType): ((x: number) => number | bigint) | undefined {
  if (type === 'int64') return toBigInt64
  if (type === 'bool') return x => (x === 0 ? 0 : 1)
  const format = narrowFloats[type as keyof typeof narrowFloats] as NarrowFloat | undefined
  return format && (x => encodeNarrow(x, format))
}

function widenBfloat16(bits: Uint16Array): Float32Array {
  const words = new Int32Array(bits.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
  return new Float32Array(words.buffer)
}

function widenFloat16(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length)
  const words = new Int32Array(out.buffer)
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!
    const exponent = half & 0x7c00
    // The exponent's bias is 127 instead of 15; infinities and NaN have all its bits set.
    const word = ((half & 0x8000) << 16) | (((half & 0x7fff) << 13) + REBIAS)
    words[i] = exponent === 0x7c00 ? word + REBIAS : word
    if (exponent === 0) out[i] = ((half & 0x8000) === 0 ? 1 : -1) * (half & 0x03ff) * 2 ** -24
  }
  return out
}

/** 127 − 15 where float32 has its exponent: makes the bias of a half that of float32, and twice all ones all ones. */
const REBIAS = 0x38000000

/** The halves nearest to float32 numbers: as {@link encodeNarrow}, on bits. */
function narrowToFloat16(values: Float32Array, out: Uint16Array): void {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const magnitude = word & 0x7fffffff
    // Below the normal numbers, beyond the largest, and what is none.
    if (magnitude < 0x38800000 || magnitude >= 0x477ff000) {
      out[i] = encodeNarrow(values[i]!, narrowFloats.float16)
      continue
    }
    const rounded = (magnitude - REBIAS + 0xfff + ((magnitude >> 13) & 1)) >> 13
    out[i] = ((word >>> 16) & 0x8000) | rounded
  }
}

/** The bfloat16 nearest to float32 numbers, likewise. */
function narrowToBfloat16(values: Float32Array, out: Uint16Array): void {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    // The sum may run over into the sign of the word, never of the half.
    out[i] = (word & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
}

function widenByTable(bits: Uint8Array, type: 'float8e4m3fn' | 'float8e5m2'): Float32Array {
  const format = narrowFloats[type]
  if (bits.length < 256) return Float32Array.from(bits, code => decodeNarrow(code, format))
  const values = Float32Array.from({ length: 256 }, (_, code) => decodeNarrow(code, format))
  const out = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i]!]!
  return out
}

function unpackNibbles(packed: Uint8Array, size: number, signed: boolean): Float32Array {
  const out = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    const nibble = (packed[i >> 1]! >> ((i & 1) * 4)) & 15
    out[i] = signed ? (nibble ^ 8) - 8 : nibble
  }
  return out
}

function packNibbles(values: ArrayLike<number>, low: number, high: number, out: Uint8Array): void {
  out.fill(0)
  for (let i = 0; i < values.length; i++) {
    out[i >> 1]! |= (clampInteger(values[i]!, low, high) & 15) << ((i & 1) * 4)
  }
}

function clampInteger(x: number, low: number, high: number): number {
  return Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), low), high)
}

function toBigInt64(x: number): bigint {
  const whole = Number.isNaN(x) ? 0 : Math.trunc(x)
  if (whole >= 2 ** 63) return 2n ** 63n - 1n
  if (whole < -(2 ** 63)) return -(2n ** 63n)
  return BigInt(whole)
}
