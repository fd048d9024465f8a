import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { poolingBeside, poolingFiles } from './pooling-beside.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-pooling-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const module = (type: string, path: string) => ({
  idx: 0,
  name: '0',
  path,
  type: `sentence_transformers.models.${type}`,
})
const transformer = module('Transformer', '')
const pooling = module('Pooling', '1_Pooling')
const normalize = module('Normalize', '2_Normalize')
const mean = { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }

async function read(files: Record<string, unknown>) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return poolingBeside(join(folder, 'model.safetensors'), {})
}

describe('poolingBeside', () => {
  it('says nothing where there is nothing', async () => {
    expect(await read({})).toBeUndefined()
    expect(await poolingFiles(join(folder, 'model.safetensors'), {})).toEqual([])
  })

  it('reads the kind, the norm and the length', async () => {
    const found = await read({
      'modules.json': [transformer, pooling, normalize],
      '1_Pooling/config.json': mean,
      'sentence_bert_config.json': { max_seq_length: 256, do_lower_case: false },
    })
    expect(found).toEqual({ kind: 'mean', normalize: true, maxTokens: 256 })
    expect(await poolingFiles(join(folder, 'model.safetensors'), {})).toContain('1_Pooling/config.json')
  })

  it.each([
    [{ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, 'cls'],
    [{ pooling_mode_max_tokens: true }, 'max'],
    [{ pooling_mode: 'cls' }, 'cls'],
    [{}, 'mean'],
  ])('pools %o by %s', async (config, kind) => {
    const files = { 'modules.json': [transformer, pooling], '1_Pooling/config.json': config }
    expect(await read(files)).toEqual({ kind, normalize: false })
  })

  it('finds the prompt that stands before every text', async () => {
    const prompts = { prompts: { query: 'query: ' }, default_prompt_name: 'query' }
    const files = { 'modules.json': [transformer, pooling], 'config_sentence_transformers.json': prompts }
    expect(await read(files)).toMatchObject({ prompt: 'query: ' })
    expect(
      await read({ 'config_sentence_transformers.json': { ...prompts, default_prompt_name: null } }),
    ).toEqual({
      kind: 'mean',
      normalize: false,
    })
  })

  it.each([
    ['a layer behind the pooling', { 'modules.json': [transformer, pooling, module('Dense', '2_Dense')] }],
    ['two kinds at once', { '1_Pooling/config.json': { ...mean, pooling_mode_cls_token: true } }],
    ['the last token', { '1_Pooling/config.json': { pooling_mode_lasttoken: true } }],
    ['a square root', { '1_Pooling/config.json': { pooling_mode_mean_sqrt_len_tokens: true } }],
    ['lower case', { 'sentence_bert_config.json': { do_lower_case: true } }],
  ])('refuses %s', async (_, files) => {
    await expect(read({ 'modules.json': [transformer, pooling], ...files })).rejects.toThrow(UnsupportedError)
  })

  it.each([
    ['no list', { 'modules.json': {} }],
    ['no JSON', { 'modules.json': '[' }],
    ['a module that is none', { 'modules.json': [transformer, null] }],
    ['a folder elsewhere', { 'modules.json': [transformer, module('Pooling', '../..')] }],
    ['a length of nothing', { 'sentence_bert_config.json': { max_seq_length: 0 } }],
    ['a prompt that is not there', { 'config_sentence_transformers.json': { default_prompt_name: 'query' } }],
  ])('refuses %s as malformed', async (_, files) => {
    await expect(read({ 'modules.json': [transformer, pooling], ...files })).rejects.toThrow(FormatError)
  })
})
