import { type CoreKernels, type DType, DTypeError, dtypeBits, ShapeError } from '@tersor/core-tensor'
import { isWhole, stridesOf } from '@tersor/core-tensor/host'
import { asBits } from '../elementwise.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { isNative, perWord } from '../wgsl/dtypes.ts'
import { listed, unravel } from '../wgsl/lists.ts'

/** A thread an element; narrow ones are put into words that other threads may be writing to as well. */
export const copy: CoreKernels['copy'] = (x, { out, at }) => {
  if (x.type !== out.type) throw new DTypeError(`[copy] expected one dtype, got ${x.type} into ${out.type}`)
  const rank = x.dims.length
  const fits =
    rank === out.dims.length &&
    rank === at.length &&
    x.dims.every((dim, i) => isWhole(at[i], out.dims[i]! - dim))
  if (!fits) throw new ShapeError(`[copy] expected [${x.dims}] at [${at}] to lie inside [${out.dims}]`)
  requireBytes(x.type, 'copy')
  const [from, y] = [asBits(x), asBits(out)]
  const strides = stridesOf(out.dims)
  webGpuOf(x).run({
    name: 'copy',
    variant: `${rank}`,
    inputs: { x: from },
    outputs: { y },
    atomic: !isNative(y.type),
    params: {
      dims: listed(x.dims, 'copy'),
      strides,
      start: at.reduce((sum, start, i) => sum + start * strides[i]!, 0),
      count: x.size,
    },
    groups: Math.ceil(x.size / 64),
    code: () => ({
      main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  var rest = i;
  ${unravel(rank, 'dims', { offset: 'strides' })}
  ${isNative(y.type) ? 'set_y(p.start + offset, x(i));' : 'put(p.start + offset, x(i));'}`,
      globals: isNative(y.type) ? '' : put(y.type),
    }),
  })
  return out
}

/** Each element has one writer, and the bits of others are not touched. */
function put(type: DType): string {
  const per = perWord(type)
  const bits = dtypeBits[type]
  return /* wgsl */ `
fn put(i: u32, value: u32) {
  let at = p.y_at + i;
  let shift = (at % ${per}u) * ${bits}u;
  atomicAnd(&y_data[at / ${per}u], ~(${2 ** bits - 1}u << shift));
  atomicOr(&y_data[at / ${per}u], value << shift);
}
`
}

/** Throws for elements that begin inside a byte. */
export function requireBytes(type: DType, where: string): void {
  if (dtypeBits[type] < 8)
    throw new DTypeError(`[${where}] expected whole bytes, got ${type}; cast it to uint8`)
}
