import { type DType, dtypeBits, Tensor, UnsupportedError } from '@tersor/core-tensor'
import type { Parameter } from './programs.ts'
import { webGpuOf } from './webgpu-device.ts'
import { converted, encodedBits, isNative, perWord, type Scalar } from './wgsl/dtypes.ts'

export interface Elementwise {
  readonly name: string
  readonly variant?: string | undefined
  readonly inputs: Readonly<Record<string, Tensor | undefined>>
  readonly params?: Readonly<Record<string, Parameter>> | undefined
  /** What `element` returns. */
  readonly scalar: Scalar
  /** Adds to `y`, which is float32 then. */
  readonly accumulate?: boolean | undefined
  /** WGSL with `fn element(i: u32) -> scalar`. */
  element(): string
}

/**
 * Fills `y` element by element, whatever its dtype: a thread writes a word, with as many elements as
 * lie in it, and keeps what belongs to others.
 */
export function elementwise(
  y: Tensor,
  { inputs, scalar, accumulate = false, element, ...program }: Elementwise,
): void {
  const { type, size } = y
  const per = dtypeBits[type] > 32 ? 1 : perWord(type)
  const at = (y.byteOffset * 8) / dtypeBits[type]
  const words = size === 0 ? 0 : Math.floor((at + size - 1) / per) - Math.floor(at / per) + 1
  webGpuOf(y).run({
    name: program.name,
    variant: `${program.variant ?? ''}${accumulate ? '+' : ''}`,
    inputs,
    outputs: { y },
    params: { ...program.params, count: size },
    groups: Math.ceil(words / 64),
    code: () => ({
      globals: element(),
      main: isNative(type) ? writeElement(scalar, type, accumulate) : writeWord(scalar, type),
    }),
  })
}

function writeElement(scalar: Scalar, type: DType, accumulate: boolean): string {
  const value = converted(scalar, type, 'element(i)')
  return /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  set_y(i, ${accumulate ? `y(i) + rounded(${value})` : value});`
}

function writeWord(scalar: Scalar, type: DType): string {
  const per = perWord(type)
  const bits = dtypeBits[type]
  return /* wgsl */ `
  let word = p.y_at / ${per}u + group * 64u + thread;
  let end = p.y_at + p.count;
  if (word * ${per}u >= end) { return; }
  var bits = y_data[word];
  for (var slot = 0u; slot < ${per}u; slot++) {
    let at = word * ${per}u + slot;
    if (at < p.y_at || at >= end) { continue; }
    let value = element(at - p.y_at);
    bits = insertBits(bits, ${encodedBits(scalar, type, 'value')}, slot * ${bits}u, ${bits}u);
  }
  ${bits === 4 ? zeroNibble : ''}
  y_data[word] = bits;`
}

/** An odd number of 4-bit elements fills its last byte with a zero. */
const zeroNibble =
  'if (end % 2u == 1u && end / 8u == word) { bits = insertBits(bits, 0u, (end % 8u) * 4u, 4u); }'

/** A tensor's elements as opaque units of their width. */
export function asBits(x: Tensor): Tensor {
  const bits = dtypeBits[x.type]
  if (bits > 32) {
    throw new UnsupportedError(
      `[webgpu] expected elements of at most 32 bits, got ${x.type}; cast it to float32 or int32 on a host device first`,
    )
  }
  const type = bits === 32 ? 'uint32' : bits === 16 ? 'uint16' : bits === 8 ? 'uint8' : 'uint4'
  return retyped(x, type, x.dims)
}

/** A view of the same memory under another dtype. */
export function retyped(x: Tensor, type: DType, dims: readonly number[]): Tensor {
  return new Tensor(type, x.memory, dims, x.byteOffset, false)
}
