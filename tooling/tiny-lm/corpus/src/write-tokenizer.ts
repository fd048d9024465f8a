// tsx --conditions=@tersor/source tooling/tiny-lm/corpus/src/write-tokenizer.ts <folder>: trains the tokenizer and writes its files.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tokenizerTexts } from './mixture.ts'
import { trainTokenizer } from './train-tokenizer.ts'

const folder = process.argv[2]
if (folder === undefined) throw new Error('[corpus/tokenizer] expected a folder to write to')
const { tokenizer, config } = trainTokenizer(tokenizerTexts(4_000_000))
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(tokenizer, null, 1)}\n`)
writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`)
