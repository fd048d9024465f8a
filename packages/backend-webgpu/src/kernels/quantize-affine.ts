import {
  type CoreKernels,
  DTypeError,
  groupIndex,
  isFloat,
  matrixDims,
  packedRowBytes,
  ShapeError,
} from '@tersor/core-tensor'
import { requireDims, stridesOf } from '@tersor/core-tensor/host'
import { elementwise } from '../elementwise.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { groupReader } from '../wgsl/codes.ts'
import { divide } from '../wgsl/divide.ts'
import { listed } from '../wgsl/lists.ts'

/** A thread writes a word of codes, byte by byte, whatever codes overlap in it. */
export const quantizeAffine: CoreKernels['quantizeAffine'] = (x, scale, options) => {
  const { bits, group, zero, offset } = options
  const rank = x.dims.length
  const axis = options.axis < 0 ? options.axis + rank : options.axis
  const { columns } = matrixDims(x.dims)
  if (!Number.isInteger(bits) || bits < 1 || bits > 8) {
    throw new ShapeError(`[quantizeAffine] expected 1 to 8 bits a code, got ${bits}`)
  }
  groupIndex(x.dims, scale.dims, group, axis, 'quantizeAffine')
  const rowBytes = packedRowBytes(columns, bits)
  const dims = [...x.dims.slice(0, -1), rowBytes]
  for (const other of [zero, offset]) {
    if (other !== undefined) requireDims('quantizeAffine', 'zero and offset, like scale,', other, scale.dims)
  }
  if (zero !== undefined && isFloat(zero.type)) {
    throw new DTypeError(
      `[quantizeAffine] expected integers as zero, got ${zero.type}; a float shift is an offset`,
    )
  }
  const out = options.out ?? webGpuOf(x).make('uint8', dims)
  if (out.type !== 'uint8') throw new DTypeError(`[quantizeAffine] expected an out of uint8, got ${out.type}`)
  requireDims('quantizeAffine', 'an out', out, dims)
  elementwise(out, {
    name: 'quantizeAffine',
    variant: `${bits},${rank},${axis}`,
    inputs: { x, scale, zero, offset },
    params: {
      weight_dims: listed(x.dims, 'quantizeAffine'),
      group_strides: stridesOf(scale.dims),
      group,
      columns,
      row_bytes: rowBytes,
    },
    scalar: 'u32',
    element: () => /* wgsl */ `
${groupReader(rank, axis)}${divide}
fn code(row: u32, column: u32) -> u32 {
  let g = group_of(row, column);
  let step = f32(scale(g));
  let shift = ${zero ? 'f32(zero(g))' : '0.0'};
  var quotient = 0.0;
  if (step != 0.0) { quotient = divide(f32(x(row * p.columns + column))${offset ? ' - f32(offset(g))' : ''}, step); }
  if (is_nan(quotient)) { quotient = 0.0; }
  return u32(clamp(round(quotient) + shift, 0.0, ${2 ** bits - 1}.0));
}
fn element(i: u32) -> u32 {
  let row = i / p.row_bytes;
  let bit = (i % p.row_bytes) * 8u;
  var byte = 0u;
  for (var column = bit / ${bits}u; column * ${bits}u < bit + 8u && column < p.columns; column++) {
    let at = column * ${bits}u;
    let held = code(row, column);
    byte |= select(held >> (bit - at), held << (at - bit), at >= bit);
  }
  return byte & 255u;
}
`,
  })
  return out
}
