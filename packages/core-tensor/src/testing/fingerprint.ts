import { type Encoded, isEncoded } from '../encoded/encoded.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * SHA-256 of everything that an encoding stores, in hexadecimal: the path, dtype, dims and bytes of each tensor among its
 * parts, in the order of the paths. What a method writes is pinned by it.
 *
 * @param weight  on any device
 * @example
 * import { cast } from '@tersor/core-tensor/reference'
 *
 * const half = dense(cast(new Tensor('float32', [1, 0.1], [2]), 'float16'))
 * const print = await fingerprint(half)
 * print.slice(0, 8) // => '7934f0a3'
 */
export async function fingerprint(weight: Tensor | Encoded): Promise<string> {
  const stored: Uint8Array[] = []
  for (const [path, tensor] of leaves(weight, '').sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { buffer, byteOffset, byteLength } = await tensor.read()
    stored.push(new TextEncoder().encode(`${path} ${tensor.type} [${tensor.dims}] ${byteLength}\n`))
    stored.push(new Uint8Array(buffer, byteOffset, byteLength))
  }
  const digest = new Uint8Array(
    await crypto.subtle.digest('SHA-256', await new Blob(stored as BlobPart[]).arrayBuffer()),
  )
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}

function leaves(weight: Tensor | Encoded, path: string): [path: string, Tensor][] {
  if (!isEncoded(weight)) return [[path, weight]]
  return Object.entries(weight.parts).flatMap(([name, part]) => leaves(part, `${path}.${name}`))
}
