import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Interruption } from './command/interruption.ts'
import { workplace } from './testing/small-model.ts'
import { failure, tersor, tersorWith } from './testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

describe('tersor', () => {
  it.each([[], ['help'], ['--help'], ['-h']])('explains itself: %s', async (...args) => {
    const { code, out } = await tersor(...args)
    expect(code).toBe(0)
    for (const name of ['inspect', 'compress', 'verify', 'eval', 'demo', 'verify-devices'])
      expect(out).toContain(`tersor ${name} `)
  })

  it.each(['inspect', 'compress', 'verify', 'eval', 'demo', 'verify-devices'])('explains %s', async name => {
    const [long, short] = [await tersor(name, '--help'), await tersor(name, '-h')]
    expect(long.code).toBe(0)
    expect(long.out).toBe(short.out)
    expect(long.out).toMatch(new RegExp(`^tersor ${name} `))
    expect(long.out).toContain('--json ')
    for (const line of long.out.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  it.each(['--version', '-v'])('%s is that of its package', async flag => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    expect(await tersor(flag)).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it.each([
    [['prune'], /expected a command \(inspect, .+\), got 'prune'$/],
    [['evel'], /got 'evel'; did you mean eval\?/],
    [['inspect'], /expected a model file/],
    [['inspect', 'a', 'b'], /expected one a model file, got also 'b'/],
    [['inspect', '--colour', 'x'], /expected an option of this command, got '--colour'$/],
    [['eval', 'x', '--tokeniser', 'y'], /got '--tokeniser'; did you mean --tokenizer\?/],
    [['eval', 'x', '--text'], /^(tersor: )?expected a value after --text/],
    [['eval', 'x', '--json=yes'], /expected --json without a value/],
    [['eval', '-x'], /expected an option of this command, got '-x'/],
    [['eval', 'x'], /expected --text FILE/],
    [['eval', 'tiny-lm', '--tasks', 'juggling'], /expected --tasks to be one of/],
    [['eval', 'tiny-lm', '--tasks', 'copi'], /got 'copi'; did you mean copy\?/],
    [['eval', 'tiny-lm', '--tasks', 'copy', '--n', 'many'], /expected --n to be a whole number/],
    [
      ['eval', 'tiny-lm', '--tasks', 'copy', '--device', 'abacus'],
      /expected --device to be one of native, wasm/,
    ],
    [['demo', 'a', 'b'], /expected one a model/],
    [['verify-devices', 'a', 'b'], /expected one model/],
  ])('wrong usage is one line and exit code 2: %j', async (args, sentence) => {
    const { code, out, err } = await tersor(...args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^tersor: [^\n]+; see 'tersor help'\n$/)
    expect(err.replace("; see 'tersor help'\n", '')).toMatch(sentence)
    expect(err).not.toContain('    at ')
    if (args.some(arg => arg.startsWith('--json'))) return
    expect(await failure(...args)).toMatchObject({
      code: 'USAGE',
      exitCode: 2,
      message: expect.stringMatching(sentence),
    })
  })

  it('ends with 1 and one line after an error, with the stack only for --debug', async () => {
    const { code, out, err } = await tersor('inspect', at('nothing.safetensors'))
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^tersor: \[models\/open-model\] expected a file or folder, got nothing at .+\n$/)
    const debugged = await tersor('inspect', at('nothing.safetensors'), '--debug')
    expect(debugged.err).toMatch(/\n\s+at /)
    const both = await tersor('inspect', at('nothing.safetensors'), '--debug', '--json')
    expect([both.code, JSON.parse(both.out).error.code]).toEqual([1, 'FORMAT'])
    expect(both.err).toMatch(/\n\s+at /)
  })

  it('says what the file system said, with its code', async () => {
    expect(await failure('eval', at('model'), '--text', at('no.txt'))).toEqual({
      code: 'ENOENT',
      message: `no such file or directory: ${at('no.txt')} (ENOENT)`,
      exitCode: 1,
    })
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it with %i', async (name, exitCode) => {
    const signal = AbortSignal.abort(new Interruption(name))
    const { code, err } = await tersorWith({ signal }, 'eval', at('model'), '--text', at('text.txt'))
    expect([code, err]).toEqual([exitCode, `tersor: stopped by ${name}\n`])
    const told = await tersorWith({ signal }, 'inspect', at('model'), '--json')
    expect(JSON.parse(told.out).error).toEqual({ code: 'INTERRUPTED', message: `stopped by ${name}` })
  })
})
