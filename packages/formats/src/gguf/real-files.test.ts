import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { byteLength, decode, isEncoded } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { openGguf } from './open-gguf.ts'

const shared = new URL('../../../../../shared/data/', import.meta.url)
const pathOf = (name: string) => fileURLToPath(new URL(name, shared))

const smolLm = pathOf('lm-smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf')
describe.skipIf(!existsSync(smolLm))('SmolLM2-135M (in ../shared/data)', () => {
  it('has in every tensor what its blocks decode to, bit for bit, in the bytes of the file', async () => {
    const file = await openGguf(smolLm)
    let [held, stored] = [0, 0]
    for (const [name, { dims, byteLength: bytes }] of file.tensors) {
      const [count = 0] = dims
      const rows = [count >> 1, Math.min(count, (count >> 1) + 48)] as const
      const some = await file.load(name, { rows })
      expect(isEncoded(some)).toBe(dims.length === 2)
      const values = await file.read(name, { rows })
      expect(Buffer.compare(Buffer.from(decode(some).data.buffer), Buffer.from(values.data.buffer))).toBe(0)
      held += byteLength(some)
      stored += (bytes / count) * (rows[1] - rows[0])
    }
    expect(file.tensors.size).toBe(272)
    expect(held / stored).toBeLessThan(1.01)
    expect(held / stored).toBeGreaterThanOrEqual(1)
    await file.close()
  })

  it('loads a whole matrix', async () => {
    const file = await openGguf(smolLm)
    const name = 'blk.3.ffn_down.weight'
    const weight = await file.load(name)
    expect(file.tensors.get(name)).toMatchObject({ ggmlType: 'q4_1', type: 'float32', dims: [576, 1536] })
    expect(byteLength(weight) - file.tensors.get(name)!.byteLength).toBeLessThan(64)
    expect(decode(weight).data).toEqual((await file.read(name)).data)
    await file.close()
  })
})

const cases = pathOf('cases-real-files/')
describe.skipIf(!existsSync(cases))('files as they are met (cases-real-files in ../shared/data)', () => {
  const counting = (size: number) => Float32Array.from({ length: size }, (_, i) => i)

  it('opens text that is no UTF-8', async () => {
    const file = await openGguf(`${cases}gguf-latin1/model.gguf`)
    expect(file.notUtf8.size).toBe(1)
    const [key] = file.notUtf8
    expect(file.metadata.get(key!)).toContain('\ufffd')
    for (const [name, { dims }] of file.tensors)
      expect((await file.read(name)).data).toEqual(counting(dims.reduce((a, b) => a * b, 1)))
    await file.close()
  })

  it('opens a uint64 above 2^53', async () => {
    const file = await openGguf(`${cases}gguf-u64/model.gguf`)
    expect([...file.metadata.values()]).toContain(9223372036854775813n)
    const [name, { dims }] = [...file.tensors][0]!
    expect(name).toBe('a')
    expect((await file.read(name)).data).toEqual(counting(dims.reduce((a, b) => a * b, 1)))
    await file.close()
  })

  it('opens a model in two files by either', async () => {
    const folder = `${cases}gguf-split`
    for (const no of [1, 2]) {
      const file = await openGguf(`${folder}/m-0000${no}-of-00002.gguf`)
      expect(file.metadata.get('general.architecture')).toBe('llama')
      expect(file.tensors.has('token_embd.weight') && file.tensors.has('output_norm.weight')).toBe(true)
      for (const name of file.tensors.keys()) await file.load(name)
      await file.close()
    }
  })
})
