import { type Device, decode, isEncoded } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { Decoder, loadModel } from '@tersor/models'

/** A model with float32 tensors as weights, whatever its file has: what passes over whole windows take. */
export async function loadFloats(folder: string, device: Device): Promise<Decoder> {
  const { config, weights } = await loadModel(folder)
  const floats = Array.from(weights, ([name, weight]) => {
    const values = isEncoded(weight) ? decode(weight) : cast(weight, 'float32')
    return [name, device.upload(values)] as const
  })
  return new Decoder(config, new Map(floats), device)
}
