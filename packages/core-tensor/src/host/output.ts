import type { Device } from '../device/device.ts'
import type { Out } from '../device/kernels.ts'
import { sameDims } from '../tensor/dims.ts'
import { type DType, viewBytes } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { HostDevice } from './host-device.ts'

/** Where a primitive writes, and what turns that into the kernel's result. */
export interface Output {
  /** Float32, of the result's dims. */
  readonly y: Tensor
  /** 1 where the primitive shall add to `y`. */
  readonly accumulate: number
  done(): Tensor
}

/** How an output may lie to the inputs: never over them, or exactly on one. */
export type Aliasing = 'apart' | 'inPlace'

/**
 * Room for a float32 result: a new tensor, `out` itself, or a temporary that is copied to `out` where
 * the primitive must not write over its inputs.
 *
 * @returns undefined where only the reference can make it: another dtype, wrong dims, adding to what
 *   the primitive cannot add to
 */
export function output(
  device: Device,
  dims: readonly number[],
  { out, accumulate = false }: Out,
  inputs: readonly Tensor[],
  { aliasing, adds = false }: { aliasing: Aliasing; adds?: boolean | undefined },
): Output | undefined {
  if (out === undefined) {
    if (accumulate) return undefined
    const y = room(device, 'float32', dims)
    return { y, accumulate: 0, done: () => y }
  }
  if (out.type !== 'float32' || !sameDims(out.dims, dims) || (accumulate && !adds)) return undefined
  const harmful = inputs.some(input => overlaps(out, input) && !(aliasing === 'inPlace' && onTop(out, input)))
  if (!harmful) return { y: out, accumulate: accumulate ? 1 : 0, done: () => out }
  const y = room(device, 'float32', dims)
  if (accumulate) copyBytes(out, y)
  const done = () => {
    copyBytes(y, out)
    y.dispose()
    return out
  }
  return { y, accumulate: accumulate ? 1 : 0, done }
}

/** A tensor for a result that a primitive writes whole. The device is the one whose table the kernel is of. */
export function room(device: Device, type: DType, dims: readonly number[]): Tensor {
  return (device as HostDevice).room(type, dims)
}

export function overlaps(a: Tensor, b: Tensor): boolean {
  return (
    a.memory === b.memory &&
    a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength
  )
}

function onTop(a: Tensor, b: Tensor): boolean {
  return a.byteOffset === b.byteOffset && a.byteLength === b.byteLength
}

function copyBytes(from: Tensor, to: Tensor): void {
  viewBytes(to.data).set(viewBytes(from.data))
}
