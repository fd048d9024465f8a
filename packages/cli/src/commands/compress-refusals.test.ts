import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tensor } from '@tersor/core-tensor'
import { encodeSafetensors } from '@tersor/formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileOf, randomWeights, smallJson, workplace } from '../testing/small-model.ts'
import { failure, json, tersor } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

/** Runs with rtn, and expects that nothing changes in the folder. */
async function refused(from: string, to: string, ...flags: string[]) {
  const before = await snapshot()
  const result = await failure('compress', from, '--method', 'rtn', ...flags, '-o', to)
  expect(await snapshot()).toEqual(before)
  return result
}

async function snapshot(): Promise<Record<string, string>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(file =>
    file.isFile(),
  )
  const entries = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    return [path, (await readFile(path)).toString('latin1')] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

describe('where an output would replace something', () => {
  const place = 'FILE'
  it.each([
    [
      'the input itself',
      () => [at('model'), at('model', 'model.safetensors')],
      /another file than the input/,
    ],
    [
      'the input by another name',
      () => [at('model', 'model.safetensors'), at('model', '.', 'model.safetensors')],
      /another file than the input/,
    ],
    [
      'something in the folder that is the input',
      () => [at('model'), at('model', 'small.safetensors')],
      /a place outside of the input/,
    ],
    [
      'a file that is there',
      () => [at('model'), at('there.safetensors')],
      /a file that is not there yet.+pass --force/,
    ],
    [
      'a tokenizer of another model',
      () => [at('model'), at('elsewhere', 'x.safetensors')],
      /another file of that name.+pass --force/,
    ],
    [
      'a file where a folder has to be',
      () => [at('model'), at('text.txt', 'x.safetensors')],
      /where a folder has to be/,
    ],
  ] as const)('it is refused: %s', async (_, paths, sentence) => {
    await writeFile(at('there.safetensors'), 'what was there before')
    await mkdir(at('elsewhere'), { recursive: true })
    await writeFile(at('elsewhere', 'tokenizer.bin'), 'of another model')
    const [from, to] = paths()
    const { code, exitCode, message } = await refused(from!, to!)
    expect([code, exitCode]).toEqual([place, 1])
    expect(message).toMatch(sentence)
  })

  it('is not refused where that is asked for, but for the input', async () => {
    await writeFile(at('replaced.safetensors'), 'what was there before')
    const { fileBytes } = await json(
      'compress',
      at('model'),
      '--method',
      'rtn',
      '--force',
      '-o',
      at('replaced.safetensors'),
    )
    expect((await readFile(at('replaced.safetensors'))).length).toBe(fileBytes)
    await rm(at('tokenizer.bin'))
    const input = at('model', 'model.safetensors')
    expect((await refused(at('model'), input, '--force')).message).toMatch(/the only original would be lost/)
  })

  it.each(['small.gguf', 'small', 'small.bin'])('%s has no writer', async name => {
    expect(await refused(at('model'), at(name))).toMatchObject({
      code: 'UNSUPPORTED',
      exitCode: 1,
      message: expect.stringContaining('expected a .safetensors file to write'),
    })
  })
})

describe('models that are refused by name', () => {
  /** A folder with a model. */
  async function modelOf(name: string, weights: [string, Tensor][], config: object = {}): Promise<string> {
    await mkdir(at(name))
    await writeFile(at(name, 'model.safetensors'), encodeSafetensors(weights))
    await writeFile(at(name, 'config.json'), JSON.stringify({ ...smallJson, ...config }))
    return at(name)
  }

  it('an incomplete one, with the weight that is missing', async () => {
    const from = await modelOf(
      'incomplete',
      randomWeights().filter(([name]) => !name.includes('k_proj')),
    )
    expect(await refused(from, at('x.safetensors'))).toMatchObject({
      code: 'FORMAT',
      exitCode: 1,
      message: expect.stringContaining("'layers.0.attention.key'"),
    })
  })

  it('one that another program quantized in a way that is not known', async () => {
    const from = await modelOf('exl2', randomWeights(), { quantization_config: { quant_method: 'exl2' } })
    expect(await refused(from, at('x.safetensors'))).toMatchObject({
      code: 'UNSUPPORTED',
      exitCode: 1,
      message: expect.stringContaining("got 'exl2'"),
    })
    expect(await json('inspect', from)).toMatchObject({ bitsPerWeight: 32 })
  })

  it('one that is compressed already, unless that is meant; then it says what the loss is against', async () => {
    await json('compress', at('model'), '--method', 'rtn', '--bits', '8', '-o', at('once', 'a.safetensors'))
    const from = at('once', 'a.safetensors')
    expect(await refused(from, at('x.safetensors'))).toMatchObject({
      code: 'UNSUPPORTED',
      exitCode: 1,
      message: expect.stringMatching(/is stored as affine; start from the original, or pass --requantize/),
    })
    const again = ['compress', from, '--method', 'rtn', '--requantize', '-o', at('twice', 'b.safetensors')]
    expect((await tersor(...again)).out).toMatch(/rtn \(measured against affine\) +\d/)
  })

  it('one with a number that is none, in a matrix or a norm', async () => {
    for (const [which, role] of [
      ['input_layernorm', 'layers.0.attention.before'],
      ['up_proj', 'layers.0.feedForward.up'],
      ['embed_tokens', 'embedding.tokens'],
    ] as const) {
      const weights = randomWeights()
      const [, weight] = weights.find(([candidate]) => candidate.includes(which))!
      ;(weight.data as Float32Array)[7] = Number.NaN
      await writeFile(at(`${which}.safetensors`), fileOf(weights))
      const target = at('nan', `${which}-small.safetensors`)
      expect(
        await failure('compress', at(`${which}.safetensors`), '--method', 'rtn', '-o', target),
      ).toMatchObject({
        code: 'NUMERICAL',
        exitCode: 1,
        message: expect.stringMatching(new RegExp(`expected finite numbers in '${role}', got NaN at`)),
      })
      expect(existsSync(target)).toBe(false)
    }
  })

  it('one without a configuration, for a method that has to run it', async () => {
    await writeFile(at('bare.safetensors'), encodeSafetensors(randomWeights()))
    const args = ['compress', at('bare.safetensors'), '--method', 'gptq', '-o', at('x.safetensors')]
    const { exitCode, message } = await failure(...args)
    expect([exitCode, message]).toEqual([1, expect.stringContaining('expected a config.json')])
  })

  it('one with a tensor that its family does not have', async () => {
    const spare: [string, Tensor] = [
      'spare.weight',
      new Tensor('float32', new Float32Array(64).fill(1), [8, 8]),
    ]
    const from = await modelOf('spare', [...randomWeights(), spare])
    expect(await refused(from, at('x.safetensors'))).toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining("got 'spare.weight', which may change what the model computes"),
    })
  })

  it('one with a matrix that no layer alone reads, for a calibrated method; leniently it is kept', async () => {
    const rules = [{ match: '*', use: [{ method: 'gptq' }] }]
    await writeFile(at('all.json'), JSON.stringify({ name: 'all', rules }))
    const given = ['--recipe', at('all.json'), '--calibration', at('text.txt')]
    const args = ['compress', at('model'), ...given, '-o', at('out', 'y.safetensors')]
    expect((await failure(...args)).message).toMatch(
      /expected a weight that a linear layer alone reads for gptq, got 'embedding.tokens'/,
    )
    const { tensors } = await json(...args, '--lenient', '--fresh')
    expect(tensors.filter(({ outcome }: { outcome: string }) => outcome === 'fellBack')).toMatchObject([
      { name: 'embedding.tokens', method: 'float16', reason: expect.stringContaining('no statistics') },
    ])
  })
})

describe('what a job is given beside the model', () => {
  it.each([
    [
      '--calibration',
      Buffer.from('\ufeffa', 'utf16le'),
      'FORMAT',
      /expected UTF-8 text.+it looks like UTF-16/,
    ],
    ['--recipe', '{', 'FORMAT', /expected JSON in/],
    ['--recipe', '{"name":"x","rules":[{"match":"*"}]}', 'SHAPE', /expected \{ name, rules/],
    ['--recipe', '[1]', 'SHAPE', /expected \{ name, rules/],
    ['--recipe', '{"rules":[]}', 'SHAPE', /expected \{ name, rules/],
    [
      '--recipe',
      '{"name":"x","rules":[{"match":"*","use":[{"method":"rtm"}]}]}',
      'UNSUPPORTED',
      /did you mean rtn\?/,
    ],
    [
      '--recipe',
      '{"name":"x","rules":[{"match":"*","use":[{"method":"rtn","bits":9}]}]}',
      'SHAPE',
      /expected bits to be a whole number from 2 to 8, got 9/,
    ],
    [
      '--recipe',
      '{"name":"x","rules":[{"match":"*mpl*","use":[{"method":"rtn"}]}]}',
      'SHAPE',
      /matches no tensor/,
    ],
  ])('is checked: %s %j', async (flag, content, code, sentence) => {
    await writeFile(at('given'), content)
    const method = flag === '--recipe' ? [] : ['--method', 'gptq']
    const result = await failure(
      'compress',
      at('model'),
      ...method,
      flag,
      at('given'),
      '-o',
      at('x.safetensors'),
    )
    expect(result).toMatchObject({ code, exitCode: 1, message: expect.stringMatching(sentence) })
  })

  it.each([
    [[], /expected either --method NAME \(.*rtn, .+\) or --recipe FILE/],
    [['--method', 'rtn', '--recipe', 'x.json'], /expected either/],
    [['--recipe', 'x.json', '--bits', '3'], /got --bits, which rtn and gptq have/],
    [['--method', 'zip'], /expected --method to name some of .*rtn, .+, got 'zip'/],
    [['--method', 'gtpq'], /did you mean gptq\?/],
    [['--method', 'quant-ease'], /expected a method before quant-ease/],
    [['--method', 'rtn', '--bits', '9'], /expected --bits to be a whole number from 2 to 8, got '9'/],
    [['--method', 'rtn', '--bits', 'four'], /expected --bits to be a whole number/],
    [
      ['--method', 'float8', '--group', '8'],
      /expected --group-size to be one of 'channel', 'tensor', got '8'/,
    ],
    [
      ['--method', 'nf4', '--zero', 'middle'],
      /expected an option of nf4, got --zero, which rtn and gptq have/,
    ],
    [['--method', 'rtn', '--zero', 'left'], /expected --zero to be one of/],
    [['--method', 'rtn', '--sweeps', '4'], /got --sweeps, which quant-ease has/],
    [['--method', 'rtn', '--grid', 'nf4', '--bits', '4'], /rtn: expected bits with grid 'affine' only/],
    [['--method', 'rtn', '--bist', '4'], /did you mean --bits\?/],
    [['--method', 'rtn', '--embedding-bits', '1'], /expected --embedding-bits/],
    [['--method', 'rtn', '--seed', '-1'], /expected a value after --seed/],
  ])('is wrong usage: %j', async (flags, sentence) => {
    const result = await failure('compress', at('model'), ...flags, '-o', at('x.safetensors'))
    expect(result).toMatchObject({ code: 'USAGE', exitCode: 2, message: expect.stringMatching(sentence) })
  })

  it('is wrong usage without an output', async () => {
    const { exitCode, message } = await failure('compress', at('model'), '--method', 'rtn')
    expect([exitCode, message]).toEqual([2, 'expected -o OUT, the file to write'])
  })
})
