import { affine, dense, FormatError, Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from './encode-safetensors.ts'
import { openSafetensors, type SafetensorsFile } from './open-safetensors.ts'
import { weightPieces } from './weight-pieces.ts'

const bytesOf = (dims: readonly number[]) =>
  new Tensor(
    'uint8',
    Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (i * 7) % 251),
    dims,
  )

const table = new Tensor('float32', [1, 2, 3], [3, 1])
const weights = {
  scalar: new Tensor('float32', [3], []),
  empty: new Tensor('float32', [], [0, 4]),
  vector: bytesOf([5_000_001]),
  matrix: bytesOf([2300, 4001]),
  stack: bytesOf([3, 1000, 3001]),
  packed: new Tensor('int4', Uint8Array.of(0x21, 0x43), [4]),
  encoded: affine(
    { codes: bytesOf([3, 2]), scale: dense(table) },
    { dims: [3, 4], bits: 4, group: 4, axis: 1 },
  ),
} as const

async function joined(file: SafetensorsFile, name: string): Promise<{ bytes: Buffer; longest: number }> {
  const pieces: Uint8Array[] = []
  for await (const piece of weightPieces(file, name)) pieces.push(piece)
  return { bytes: Buffer.concat(pieces), longest: Math.max(...pieces.map(({ length }) => length)) }
}

describe('weightPieces', () => {
  it('are the file that holds the weight alone, in pieces of some megabytes', async () => {
    const file = await openSafetensors(encodeSafetensors(Object.entries(weights)))
    for (const [name, weight] of Object.entries(weights)) {
      const { bytes, longest } = await joined(file, name)
      expect(bytes.equals(encodeSafetensors([[name, weight]])), name).toBe(true)
      expect(longest, name).toBeLessThanOrEqual(2 ** 22)
    }
  })

  it('takes dtypes that are not read', async () => {
    const header = '{"w":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}  '
    const bytes = Buffer.concat([
      Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(header),
      Buffer.alloc(8, 9),
    ])
    expect((await joined(await openSafetensors(bytes), 'w')).bytes.equals(bytes)).toBe(true)
  })

  it('knows only weights of the file', async () => {
    const file = await openSafetensors(encodeSafetensors([['w', table]]))
    await expect(joined(file, 'v')).rejects.toThrow(FormatError)
  })
})
