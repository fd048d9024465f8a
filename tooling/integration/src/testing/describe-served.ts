import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '@tersor/cli'
import { coreKinds } from '@tersor/core-tensor'
import { embedTexts, loadEncoder, openModel } from '@tersor/models'
import { Golden, type GoldenKind, hasGoldens, type ServedModel } from '@tersor/models/testing'
import { quantizeMethods } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const TEXT =
  'The kite is red and the dog runs home.\nA small house stands by the river, where 3 boats lie in the sun.\n'

/** Of these random weights, what is rounded once grows from layer to layer; their goldens are less exact too. */
const SENSITIVE = ['qwen3.5']

/**
 * What a user with a golden checkpoint meets in every command: each cell of the table in the README of models is a test.
 *
 * @param kind  the form of the file
 */
export function describeServed(model: ServedModel, kind: GoldenKind): void {
  const { folder, encoder } = model
  const architecture = kind === 'gguf' ? model.ggufArchitecture : model.architecture
  if (architecture === undefined) return
  const golden = new Golden(folder)
  describe.skipIf(!hasGoldens)(`${folder} from ${kind}`, () => {
    let place = ''
    let text = ''
    let small = ''
    beforeAll(async () => {
      place = await mkdtemp(join(tmpdir(), 'tersor-served-'))
      text = join(place, 'text.txt')
      small = join(place, 'small.safetensors')
      await writeFile(text, TEXT)
    })
    afterAll(() => rm(place, { recursive: true, force: true }))
    const source = golden.source(kind)

    it('inspect', async () => {
      expect(golden.has('model.gguf')).toBe(model.ggufArchitecture !== undefined)
      const { elements, tensors, ...said } = await json('inspect', source)
      expect(said).toMatchObject({
        problem: null,
        ...{ architecture, makes: encoder ? 'embeddings' : 'text' },
        tokenizer: { kind: expect.any(String) },
        layout: { format: kind },
      })
      expect(tensors.reduce((sum: number, tensor: { elements: number }) => sum + tensor.elements, 0)).toBe(
        elements,
      )
    })

    it('compress', async () => {
      const compress = ['compress', source, '--method', 'rtn', '--bits', '8', '--group-size', '8']
      const { bitsPerWeight, bytes, tensors } = await json(...compress, '--requantize', '-o', small)
      expect(bitsPerWeight).toBeLessThan(24)
      expect(tensors.map(({ outcome }: { outcome: string }) => outcome)).toContain('compressed')
      expect((await json('inspect', small)).bytes).toBe(bytes)
      expect(await json('verify', small)).toMatchObject({ problems: [] })
      if (encoder) expect(dot(await embedding(source), await embedding(small))).toBeGreaterThan(0.999)
    })

    it.skipIf(encoder)('eval', async () => {
      const on = ['--text', text, '--device', 'reference']
      const own = await json('eval', source, ...on)
      expect(own.perplexity).toBeCloseTo(Math.exp(own.nats), 6)
      // Both forms hold the same numbers, but for a window that a GGUF cannot say.
      if (!golden.has('expected_gguf.safetensors'))
        expect((await json('eval', golden.folder, ...on)).nats).toBeCloseTo(own.nats, 4)
      const { kl, nats } = await json('eval', small, ...on, '--against', source)
      expect(Math.abs(nats - own.nats)).toBeLessThan(0.05)
      expect(kl).toBeGreaterThan(0)
      expect(kl).toBeLessThan(SENSITIVE.includes(folder) ? 0.03 : 0.01)
    })

    it.skipIf(encoder)('generate', async () => {
      const how = ['--prompt', 'The kite', '--no-chat', '--max-tokens', '4', '--device', 'reference']
      const { text, tokens, stopped } = await json('generate', source, ...how)
      expect(stopped === 'end' || tokens === 4).toBe(true)
      expect((await json('generate', golden.folder, ...how)).text).toBe(text)
    })
  })
}

/** The object that a command prints with `--json`, where it ends well. */
async function json(...args: string[]) {
  let said = ''
  const out = { write: (part: string) => (said += part) }
  const code = await run([...args, '--json'], { out, err: out })
  expect(code, said).toBe(0)
  return JSON.parse(said)
}

const kinds = [...coreKinds, ...quantizeMethods.flatMap(method => method.kinds)]

/** What an encoder makes of the text, with a length of 1. */
async function embedding(path: string): Promise<Float32Array> {
  const file = await openModel(path, { kinds })
  const encoder = await loadEncoder(file)
  const embedded = await embedTexts(encoder, (await file.openTokenizer())!, [TEXT], { normalize: true })
  await file.close()
  return embedded.data as Float32Array
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}
