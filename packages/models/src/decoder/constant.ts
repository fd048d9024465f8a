import { type Device, Tensor } from '@tersor/core-tensor'

/** A number as a tensor that broadcasts: [1] float32. */
export function constant(device: Device, value: number): Tensor {
  return device.upload(new Tensor('float32', [value], [1]))
}

/** (length) float32 */
export function ones(device: Device, length: number): Tensor {
  return device.upload(new Tensor('float32', new Float32Array(length).fill(1), [length]))
}
