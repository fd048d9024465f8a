import { type Encoded, isEncoded, type Tensor } from '@tersor/core-tensor'
import { type EncodedOutline, safetensorsLayout, type TensorOutline } from '@tersor/formats'
import type { ScratchFile } from './scratch-file.ts'

/** A tensor that is in the scratch file, and not in memory any more. */
interface Spooled extends TensorOutline {
  /** Where its data begin there. */
  readonly start: number
}

/**
 * Writes a safetensors file tensor by tensor: data go into the scratch file as they come, and the file is a header and slices
 * of that in their order, so that no byte is stored twice.
 */
export function safetensorsInto(scratch: ScratchFile) {
  const entries: [string, Spooled | EncodedOutline<Spooled>][] = []
  const parts = new WeakMap<Tensor, Spooled>()
  let length = 0

  function spool({ type, dims, data }: Tensor): Spooled {
    const start = length
    scratch.append(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    length += data.byteLength
    return { type, dims, byteLength: data.byteLength, start }
  }

  /** A part that several encodings share is stored once. */
  function spoolPart(part: Tensor | Encoded): Spooled | EncodedOutline<Spooled> {
    if (!isEncoded(part)) {
      const spooled = parts.get(part) ?? spool(part)
      parts.set(part, spooled)
      return spooled
    }
    const { encoding, type, dims, meta } = part
    const inside = Object.entries(part.parts).map(([name, each]) => [name, spoolPart(each)])
    return { encoding, type, dims, meta, parts: Object.fromEntries(inside) }
  }

  return {
    write(name: string, weight: Tensor | Encoded): void {
      entries.push([name, isEncoded(weight) ? spoolPart(weight) : spool(weight)])
    },
    async finish(metadata: Readonly<Record<string, string>>): Promise<Blob> {
      const { header, offsets } = safetensorsLayout(entries, { metadata })
      const data = await scratch.finish()
      const inOrder = [...offsets].sort(([, a], [, b]) => a - b)
      const slices = inOrder.map(([{ start, byteLength }]) => data.slice(start, start + byteLength))
      return new Blob([Uint8Array.from(header), ...slices])
    },
  }
}
