import { FormatError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson } from './parse-json.ts'

const parse = (text: string, maxDepth = 100) => parseJson(text, { maxDepth, where: 'test' })

describe('parseJson', () => {
  it('gives what JSON.parse gives', () => {
    fc.assert(fc.property(fc.json(), text => void expect(parse(text)).toEqual(JSON.parse(text))))
  })

  it.each([
    '{"a":1,"a":2}',
    '{"a":1,"b":{},"a":2}',
    '[{"x":[{"k":0,"k":0}]}]',
    '{"a":1, "\\u0061":2}',
    '{"\\"":1,"\\"":2}',
    '{"a":{"b":1},"a":{"b":1}}',
  ])('refuses the same key twice: %s', text => {
    expect(() => parse(text)).toThrow(FormatError)
    expect(() => parse(text)).toThrow('twice')
  })

  it.each([
    '{"a":{"a":1}}',
    '[{"a":1},{"a":2}]',
    '{"a":"a","b":"a"}',
    '{"a":["b","b"],"b":0}',
    '{"a\\\\":1,"a":2}',
  ])('accepts the same text elsewhere: %s', text => void expect(parse(text)).toEqual(JSON.parse(text)))

  it('bounds the depth, and takes long strings', () => {
    expect(parse('[[1]]', 2)).toEqual([[1]])
    expect(() => parse('[[[1]]]', 2)).toThrow('at most 2 deep')
    expect(() => parse('['.repeat(1e6) + ']'.repeat(1e6))).toThrow(FormatError)
    const long = JSON.stringify({ a: '\\"'.repeat(2e6) })
    expect(parse(long)).toEqual(JSON.parse(long))
  })

  it('is a FormatError for text that is not JSON', () => {
    expect(() => parse('{"a":')).toThrow(FormatError)
  })
})
