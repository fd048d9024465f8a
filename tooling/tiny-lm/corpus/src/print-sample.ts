// pnpm --filter tiny-lm-corpus sample: documents of the mixture, and how much there is of what. See README.md.

import { parseArgs } from 'node:util'
import { rngStream } from '@tersor/tasks'
import { BpeEncoder } from './bpe-encoder.ts'
import { Corpus, families, tokenizerTexts } from './mixture.ts'
import { shares } from './shares.ts'
import { trainTokenizer } from './train-tokenizer.ts'

const { values } = parseArgs({
  options: {
    tokens: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '0' },
    length: { type: 'string', default: '1024' },
    characters: { type: 'string', default: '2000000' },
  },
})
const [tokens, seed, length] = [Number(values.tokens), Number(values.seed), Number(values.length)]

const began = performance.now()
const { tokenizer } = trainTokenizer(tokenizerTexts(Number(values.characters)))
const encoder = new BpeEncoder(tokenizer)
const trained = (performance.now() - began) / 1000

for (const [i, [name, draw]] of Object.entries(families).entries()) {
  console.log(`── ${name}\n${draw(rngStream(seed, i), { tokens: 160, measure: encoder }).text}`)
}

const counts = new Map<string, { documents: number; tokens: number; answers: number }>()
const corpus = new Corpus({ encoder, seed })
const windows = Math.ceil(tokens / length)
const start = performance.now()
for (let index = 0; index < windows; index++) {
  const { weights, borders, families } = corpus.window(index, length)
  for (const [i, family] of families.entries()) {
    const count = counts.get(family) ?? { documents: 0, tokens: 0, answers: 0 }
    const segment = weights.subarray(borders[i], borders[i + 1])
    count.documents++
    count.tokens += segment.length
    count.answers += segment.reduce((sum, weight) => sum + (weight === 1 ? 1 : 0), 0)
    counts.set(family, count)
  }
}
const seconds = (performance.now() - start) / 1000

const percent = (share: number) => `${(100 * share).toFixed(1)} %`.padStart(7)
console.log('family        documents   tokens    share    aimed  answers')
for (const [family, { documents, tokens: size, answers }] of [...counts].sort(
  ([, a], [, b]) => b.tokens - a.tokens,
)) {
  const numbers = [documents, size].map((n, i) => n.toLocaleString('en').padStart(9 + i))
  const aimed = shares[family as keyof typeof shares] ?? 0
  console.log(
    `${family.padEnd(14)}${numbers.join('')}  ${percent(size / (windows * length))}  ${percent(aimed)}  ${percent(answers / size)}`,
  )
}
let bytes = 0
let encoded = 0
for (const text of tokenizerTexts(300_000, seed + 1)) {
  bytes += Buffer.byteLength(text)
  encoded += encoder.countTokens(text)
}
console.log(
  `\n${encoder.vocabSize} entries, trained in ${trained.toFixed(1)} s; ${(bytes / encoded).toFixed(2)} bytes a token; ${encoder.singleTokens.length} words of one token`,
)
console.log(`${Math.round((windows * length) / seconds).toLocaleString('en')} tokens/s`)
