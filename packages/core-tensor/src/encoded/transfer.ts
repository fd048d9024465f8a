import type { Device } from '../device/device.ts'
import { isFloat } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { decode, type Encoded, isEncoded, requireWeight } from './encoded.ts'
import { isVisible } from './parts.ts'
import { withParts } from './with-parts.ts'

/**
 * A weight on a device, part by part: itself where a tensor is there already, else a copy. Pack it
 * there with `device.pack`; a packed weight is unpacked before it moves. Remote devices do not decode
 * integers, so that codes which an entropy coder made shorter arrive there as they were before.
 *
 * @example
 * const half = dense(cast(new Tensor('float32', [1, 2], [2]), 'float16'))
 * decode(await transfer(half, reference)).data // => Float32Array [1, 2]
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
