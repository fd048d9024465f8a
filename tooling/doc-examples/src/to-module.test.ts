import { describe, expect, it } from 'vitest'
import { expectLog, expectValue } from './expect-value.ts'
import { examplesOfPage, examplesOfSource } from './find-examples.ts'
import { formatValue } from './format-value.ts'
import { toModule } from './to-module.ts'

const scope = new Map([
  ['sum', { specifier: '@tersor/some', isType: false }],
  ['Sum', { specifier: '@tersor/some', isType: true }],
])
const moduleOf = (code: string) =>
  toModule({ file: 'a.md', line: 1, code }, scope, 'e').split('; ').slice(1).join('; ')

describe('finding examples', () => {
  it('takes them from doc comments, up to the next tag, on their own lines', () => {
    const text =
      "import 'x'\n/**\n * Adds.\n * @example\n * add(1, 2) // => 3\n * @returns it\n */\nexport function add() {}\n"
    expect(examplesOfSource('a.ts', text)).toEqual([
      { file: 'a.ts', line: 5, code: '\n\n\n\nadd(1, 2) // => 3\n\n\n'.slice(0, -1) },
    ])
  })

  it('takes only the fences of an example that has some', () => {
    const text =
      '/**\n * @example some words\n * More words\n * ```ts\n * const a = 1\n * ```\n */\nexport const b = 2\n'
    expect(examplesOfSource('a.ts', text).map(({ line, code }) => [line, code.trim()])).toEqual([
      [5, 'const a = 1'],
    ])
  })

  it('takes ts blocks from pages, joins continued ones and leaves others', () => {
    const text =
      '# A\n```ts\na()\n```\n```sh\nls\n```\n```ts continued\nb()\n```\n```ts no-run\nc()\n```\n```ts\nd()\n```\n'
    const found = examplesOfPage('a.md', text).map(({ line, code }) => [line, code.trim().split(/\s+/)])
    expect(found).toEqual([
      [3, ['a()', 'b()']],
      [15, ['d()']],
    ])
  })
})

describe('making modules', () => {
  it('imports what the package exports unless the example declares it', () => {
    expect(moduleOf('const s: Sum = sum(1)')).toMatch(
      /^import \{ type Sum \} from '@tersor\/some'; import \{ sum \}/,
    )
    expect(moduleOf('const sum = 1')).toBe('const sum = 1')
    expect(moduleOf("import { sum } from 'other'\nsum")).toBe("import { sum } from 'other'\nsum")
  })

  it('keeps lines and turns comments into assertions', () => {
    const lines = moduleOf(
      'f(\n  1,\n) // => 2\nconst a = [1]\n// => [1]\nconsole.log(a, 2) // => [1] 2',
    ).split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[2]).toBe('))], "2", "a.md:3"); // => 2')
    expect(lines[3]).toBe('const a = [1];await __expectValue(async () => [a], "[1]", "a.md:4");')
    expect(lines[5]).toMatch(/^;await __expectLog\(async \(\) => \[a, 2\], "\[1\] 2"/)
  })

  it('sees an assertion before a line that begins with a semicolon', () => {
    expect(moduleOf('a // => 1\n;[b] // => [2]').match(/__expectValue/g)).toHaveLength(2)
    expect(moduleOf('const a = 1 // => 1\n;[b] // => [2]').match(/__expectValue/g)).toHaveLength(2)
  })

  it('refuses an assertion that it would not check', () => {
    expect(() => moduleOf('function f() {\n  g() // => 1\n}')).toThrow('a.md:1 has 1 comments')
    expect(() => moduleOf('const [a, b] = [1, 2] // => 1')).toThrow('a const with one name')
  })
})

describe('comparing', () => {
  const passes = (value: unknown, text: string) => expectValue(async () => [value], text, 'here')

  it('prints values as the README says', () => {
    expect(formatValue([1, -0, 2n, "it's", null, undefined])).toBe("[1, -0, 2n, 'it\\'s', null, undefined]")
    expect(formatValue(Float32Array.of(0.1, 1e-7, 1 / 3))).toBe('Float32Array [0.1, 1e-7, 0.33333334]')
    expect(formatValue({ a: Uint8Array.of(1), 'b-c': {} })).toBe("{ a: Uint8Array [1], 'b-c': {} }")
    expect(formatValue(new Map([['a', new Set([1])]]))).toBe("Map { 'a' => Set { 1 } }")
    expect(formatValue(new RangeError('no'))).toBe('RangeError: no')
  })

  it.each([
    [41216, '41_216'],
    [41216, '41216'],
    [0.08612, '≈ 0.0861'],
    [[1, 2, 3], '[ 1, 2, … ]'],
    [{ a: [1] }, '{a: [1]}'],
    [Uint8Array.of(1, 2), 'Uint8Array(2) [ 1, 2 ]'],
    [Uint8Array.of(1, 2), 'new Uint8Array([1, 2])'],
  ])('accepts %j as %s', async (value, text) => {
    await passes(value, text)
  })

  it.each([
    [41217, '41_216'],
    [0.0862, '≈ 0.0861'],
    [[1, 3, 3], '[1, 2, …]'],
    ['1', '1'],
    [Promise.resolve(1), '1'],
  ])('refuses %j as %s', async (value, text) => {
    await expect(passes(value, text)).rejects.toThrow('here\nexpected')
  })

  it('tells what was thrown and what was not', async () => {
    const fails = async (): Promise<[unknown]> => {
      throw new RangeError('too far')
    }
    await expectValue(fails, 'throws RangeError: too', 'here')
    await expect(expectValue(fails, 'throws TypeError', 'here')).rejects.toThrow('RangeError: too far')
    await expect(passes(1, 'throws TypeError')).rejects.toThrow('it returned 1')
    await expectLog(async () => ['a', [1]], 'a [1]', 'here')
  })
})
