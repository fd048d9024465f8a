import type { Device } from '../device/device.ts'
import { isFloat } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { decode, type Encoded, isEncoded, requireWeight } from './encoded.ts'
import { isVisible } from './parts.ts'
import { withParts } from './with-parts.ts'

/**
 * A weight on another device, compressed as it is: a tree part by part, a tensor whole. Parts that are
 * there already are shared, the others are copied, and what they were copied from stays.
 *
 * Use it before `device.pack`, which puts a weight into the order that the device multiplies fastest;
 * what is packed belongs to its device, so `device.unpack` it before it moves on. Models do both with
 * `model.to(device)`. Where the device shows no data, codes that an entropy coder made shorter arrive
 * as they were before.
 *
 * @param weight  a tensor, or an encoding of any depth
 * @returns the same kind and bytes, on `device`
 * @throws {DTypeError} when it is neither
 * @throws {DeviceError} when a tensor was disposed, or the device has no room
 * @example
 * import { createWasmDevice } from '@tersor/backend-wasm'
 *
 * const weight = new Tensor('float32', [1, 0, 0, 1, 1, 1], [3, 2])
 * const half = dense(cast(weight, 'float16'))
 * const wasm = await createWasmDevice({ threads: 1 })
 * const there = wasm.pack(await transfer(half, wasm))
 * linear(await new Tensor('float32', [1, 2], [1, 2]).to(wasm), there).data // => Float32Array [1, 2, 3]
 * const back = await transfer(wasm.unpack(there), reference)
 * byteLength(back) === byteLength(half) // => true
 */
export async function transfer<W extends Tensor | Encoded>(weight: W, device: Device): Promise<W>
export async function transfer(weight: Tensor | Encoded, device: Device): Promise<Tensor | Encoded> {
  requireWeight(weight, 'transfer')
  if (!isEncoded(weight)) return weight.to(device)
  const parts: Record<string, Tensor | Encoded> = {}
  for (const [name, part] of Object.entries(weight.parts)) parts[name] = await transferPart(part, device)
  return withParts(weight, parts)
}

async function transferPart(part: Tensor | Encoded, device: Device): Promise<Tensor | Encoded> {
  if (device.host || !isEncoded(part) || isFloat(part.type) || !isVisible(part)) return transfer(part, device)
  using integers = decode(part)
  return await integers.to(device)
}
