import { existsSync, readFileSync } from 'node:fs'
import type { Tokenizer } from '@tersor/core-tensor'
import { beforeAll, describe, expect, it } from 'vitest'
import { openTokenizer } from './open-tokenizer.ts'

const data = new URL('../../../../../shared/data/', import.meta.url)
const golden = new URL('golden/smollm2/tok/', data)
const model = new URL('lm-smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf', data)

const qmsum = 'longdoc-qmsum-val12/val-12.jsonl'

const json = (name: string) => JSON.parse(readFileSync(new URL(name, golden), 'utf8'))

/** The first bytes of a file, cut back to a whole character. */
function beginning(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return decoder.decode(bytes.subarray(0, 65_536), { stream: true })
}

function meeting(line: string): string {
  const turns: { speaker: string; content: string }[] = JSON.parse(line).meeting_transcripts
  return turns.map(({ speaker, content }) => `${speaker}: ${content}\n`).join('')
}

describe.skipIf(!existsSync(golden) || !existsSync(model))(
  'SmolLM2 from its GGUF (needs ../shared/data)',
  () => {
    let tokenizer: Tokenizer
    beforeAll(async () => {
      tokenizer = await openTokenizer(model)
    })

    it('knows its special tokens, and that texts begin with none', () => {
      const { vocabSize, bos, eos, ends, addsBos, chatTemplate } = tokenizer
      expect({ vocabSize, bos, eos, addsBos }).toEqual({ vocabSize: 49_152, bos: 1, eos: 2, addsBos: false })
      expect(ends).toContain(2)
      expect(chatTemplate).toContain('<|im_start|>')
    })

    it('gives the ids of 60 hand-made strings, special tokens parsed or not', () => {
      const texts: string[] = json('hand-texts.json')
      const expected: { llamacpp_special: number[]; llamacpp_plain?: number[]; roundtrip: boolean }[] =
        json('hand.json')
      expect(texts.length).toBe(60)
      for (const [i, text] of texts.entries()) {
        const { llamacpp_special: special, llamacpp_plain: plain = special, roundtrip } = expected[i]!
        const tokens = tokenizer.encode(text)
        expect([...tokens], text).toEqual(special)
        expect([...tokenizer.encode(text, { parseSpecial: false })], text).toEqual(plain)
        expect(tokenizer.decode(tokens, { skipSpecial: false }) === text, text).toBe(roundtrip)
      }
    })

    const file = (name: string) => () => readFileSync(new URL(name, data))
    const firstMeeting = () => Buffer.from(meeting(file(qmsum)().toString('utf8').split('\n')[0]!))
    const texts: [string, () => Uint8Array][] = [
      ['wikitext2-valid', file('text-wikitext2-valid/valid.txt')],
      ['enwik5', file('text-enwik5/enwik5')],
      ['tinyshakespeare', file('text-tinyshakespeare/input.txt')],
      ['qmsum-raw', file(qmsum)],
      ['qmsum-0', firstMeeting],
    ]
    it.each(texts)('gives the ids of %s', (name, read) => {
      const bytes = readFileSync(new URL(`${name}.llamacpp.u16`, golden))
      const ids = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
      expect([...tokenizer.encode(beginning(read()), { parseSpecial: false })]).toEqual([...ids])
    })
  },
)
