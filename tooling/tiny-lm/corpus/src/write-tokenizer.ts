// pnpm --filter tiny-lm-corpus tokenizer FOLDER: trains the tokenizer and writes its files.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { callerPath } from '../../../../config/caller-path.ts'
import { tokenizerTexts } from './mixture.ts'
import { trainTokenizer } from './train-tokenizer.ts'

const [given] = process.argv.slice(2)
if (given === undefined) throw new Error('[corpus/tokenizer] expected a folder to write to, got none')
const folder = callerPath(given)
const { tokenizer, config } = trainTokenizer(tokenizerTexts(4_000_000))
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(tokenizer, null, 1)}\n`)
writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`)
