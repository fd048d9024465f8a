import { FormatError, TersorError, UnsupportedError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { regularExpression } from './regular-expression.ts'

const matches = (pattern: string, text: string) => text.match(regularExpression(pattern)) ?? []

describe('regularExpression', () => {
  it.each<[string, string, string[]]>([
    // White space is Unicode's: a next line counts, a byte order mark does not.
    ['\\s', 'a\u0085\uFEFF\u00A0', ['\u0085', '\u00A0']],
    ["(?i:'s|'t)|k", "'S 'ſ K k \u212A", ["'S", "'ſ", 'k']],
    ['(?i)ab|[c-e]', 'AB aB CDE f', ['AB', 'aB', 'C', 'D', 'E']],
    ['(?i:a)b', 'Ab AB', ['Ab']],
    ['[^\\r\\n\\p{L}]?+\\p{L}+', ' ab', [' ab']],
    ['a?+a', 'a', []],
    ['(?>a+)b', 'aab', ['aab']],
    ['(?>a+)ab', 'aab', []],
    ['a{2}+', 'aaaaa', ['aaaa']],
    [' ?[^(\\s|[.,!?…。，、।۔،])]+', 'a b, c', ['a', ' b', ' c']],
    ['[a-e&&[^bd]]+', 'abcde', ['a', 'c', 'e']],
    ['[[:alpha:]]+[[:^alpha:]]', 'ab1 é2', ['ab1', 'é2']],
    ['\\p{Han}+|\\p{^L}', '漢字a1', ['漢字', '1']],
    ['^a|b$', 'a\na b\nb', ['a', 'a', 'b', 'b']],
    ['\\Aa|b\\z', 'a\na b\nb', ['a', 'b']],
    ['[]a]', ']a', [']', 'a']],
    ['[a\\-z]', 'a-m', ['a', '-']],
    ['.', 'a\n\r', ['a', '\r']],
    ['\\w', 'é٣_²\u200D①', ['é', '٣', '_', '²']],
    ['\\x{1F600}|\\u00e9', '😀é', ['😀', 'é']],
    ['\\d{1,3}(?=(?:\\d{3})*\\b)', '1234567', ['1', '234', '567']],
    ['{a}', '{a}', ['{a}']],
  ])('%s', (pattern, text, expected) => {
    expect([...matches(pattern, text)]).toEqual(expected)
  })

  it.each(['(a+)+b', '(?:a*)*', '([a-z]+\\d?){2,}', '(\\s|\\s+)*$'])(
    'refuses repetitions inside of repetitions, which may never end: %s',
    pattern => expect(() => regularExpression(pattern)).toThrow(UnsupportedError),
  )

  it.each(['(?P<n>a)', '(a)\\1', '\\K', '(?(1)a|b)'])('refuses what it does not know: %s', pattern =>
    expect(() => regularExpression(pattern)).toThrow(UnsupportedError),
  )

  it.each(['(a', 'a)', '[a', 'a\\', '\\p{Nonsense}', '('.repeat(1_000), 'a'.repeat(20_000)])(
    'says what is malformed: %#',
    pattern => expect(() => regularExpression(pattern)).toThrow(FormatError),
  )

  it('throws nothing but typed errors', () => {
    const parts = [
      '(',
      ')',
      '(?:',
      '(?i:',
      '(?>',
      '[',
      ']',
      '^',
      '-',
      '&&',
      '\\p{L}',
      '\\s',
      '\\',
      'a',
      '*',
      '+',
      '?',
      '{2,3}',
      '|',
      '$',
      '[:alpha:]',
      'é',
      '😀',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 12 }), pieces => {
        try {
          regularExpression(pieces.join(''))
        } catch (error) {
          expect(error).toBeInstanceOf(TersorError)
        }
      }),
      { seed: 1, numRuns: 3_000 },
    )
  })
})
