import { FormatError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderChat } from './render-chat.ts'

const hello = [{ role: 'user', content: 'Hello' }]

describe('renderChat', () => {
  it('gives the template what the reference gives', () => {
    const template =
      "{{ bos_token }}{% for m in messages %}{{ 'no content' if m.content is not defined else m.content }}{{ m.thinking }};{% endfor %}" +
      '{{ tools is none }}{{ documents is none }}{{ strftime_now("%d %b %Y") }}{% if add_generation_prompt %}>{% endif %}{{ mood }}'
    const messages = [
      { role: 'user', content: null },
      { role: 'assistant', content: 'a', reasoning_content: 'b' },
    ]
    const text = renderChat(template, messages, {
      addGenerationPrompt: true,
      variables: { mood: 'good' },
      specialTokens: { bos_token: '<s>' },
      now: new Date(2025, 6, 4),
    })
    expect(text).toBe('<s>no content;ab;TrueTrue04 Jul 2025>good'.replaceAll('True', 'true'))
  })

  it.each([
    ["{{ 'xxhix'.strip('x') }}|{{ '\n a'.lstrip('\n') }}|{{ 'ab'.rstrip('b') }}", 'hi| a|a'],
    ["{% for a, b in [('x', 'y'), ('z', 'w')] %}{{ b }}{{ a }}{% endfor %}", 'yxwz'],
    [
      "{% set d = {512: 'b', 64: 'a'} %}{% for k, v in d | dictsort %}{{ k + 1 }}{{ v }}{% endfor %}{{ d[64] }}",
      '65a513ba',
    ],
    ["{{ {'a': [1, true, none, \"it's\"]} | string }}", "{'a': [1, True, None, \"it's\"]}"],
    ['{{ nothing | trim }}{{ nothing | length }}{{ [1, 2] | length }}', '02'],
  ])('does as Jinja does: %s', (template, text) => {
    expect(renderChat(template, hello)).toBe(text)
  })

  it('says what a template refuses', () => {
    const refuse = () => renderChat("{{ raise_exception('Only one system message') }}", hello)
    expect(refuse).toThrow(FormatError)
    expect(refuse).toThrow(/refuses this conversation: Only one system message/)
  })

  it.each([
    ['loops in loops', `${'{% for i in range(9999) %}'.repeat(4)}x${'{% endfor %}'.repeat(4)}`],
    ['a long range', '{% for i in range(10 ** 12) %}{% endfor %}'],
    ['a range that goes nowhere', '{% for i in range(0, 9, 0) %}{% endfor %}'],
    ['text that doubles', `{% set s = 'x' %}${'{% set s = s ~ s %}'.repeat(60)}{{ s }}`],
    [
      'text that doubles in filters',
      `{% set s = 'xx' %}${"{% set s = s | replace('x', 'xx') %}".repeat(60)}{{ s }}`,
    ],
    ['lists that double', `{% set a = [1] %}${'{% set a = a + a %}'.repeat(60)}{{ a | length }}`],
    ['lists of the same list', `{% set a = [1] %}${'{% set a = [a, a] %}'.repeat(60)}{{ a | tojson }}`],
    [
      'mappings of the same mapping',
      `{% set a = {} %}${"{% set a = {'x': a, 'y': a} %}".repeat(60)}{{ a | string }}`,
    ],
    ['long sums', `{% set a = range(90000) %}{% for i in a %}{% set b = a | sort %}{% endfor %}`],
    ['macros that call themselves', '{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}'],
    ['deep brackets', `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`],
    [
      'namespaces that hold themselves',
      '{% set n = namespace() %}{% set n.n = n %}{% for i in range(100000) %}{% set n.x = n %}{% endfor %}{{ n }}',
    ],
  ])(
    'ends with an error: %s',
    (_, template) => {
      expect(() => renderChat(template, hello)).toThrow(FormatError)
    },
    10_000,
  )

  it('takes long conversations', () => {
    const messages = Array.from({ length: 2_000 }, (_, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: 'word '.repeat(100),
    }))
    const template =
      "{% for m in messages %}{% if m.role == 'user' and not loop.first %}\n{% endif %}<|{{ m['role'] }}|>{{ m.content | trim }}{% endfor %}"
    expect(renderChat(template, messages).length).toBeGreaterThan(2_000 * 500)
  })

  it('throws nothing but typed errors, whatever the template', () => {
    const parts = [
      '{{',
      '}}',
      '{%',
      '%}',
      ' for ',
      ' x ',
      ' in ',
      ' messages ',
      ' endfor ',
      ' if ',
      ' endif ',
      '|',
      "'",
      '(',
      ')',
      '[',
      ']',
      '.content',
      '+',
      ' set ',
      '=',
      '1',
      ' macro ',
      '~',
      '-',
      '{#',
      '#}',
      '\n',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 30 }), pieces => {
        try {
          renderChat(pieces.join(''), hello)
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
      { seed: 1, numRuns: 1_000 },
    )
  })
})
