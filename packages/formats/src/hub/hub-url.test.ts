import { FormatError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hubPlace } from './hub-place.ts'
import { hubUrl } from './hub-url.ts'

const hub = 'https://huggingface.co'

describe('hubUrl', () => {
  it.each([
    ['hf:owner/name', `${hub}/owner/name/resolve/main/`],
    ['hf://owner/name', `${hub}/owner/name/resolve/main/`],
    ['hf:01-ai/Yi-1.5_6B', `${hub}/01-ai/Yi-1.5_6B/resolve/main/`],
    ['hf:o/n/model.gguf', `${hub}/o/n/resolve/main/model.gguf`],
    ['hf:o/n@v1.0/a/b.gguf', `${hub}/o/n/resolve/v1.0/a/b.gguf`],
    ['hf:o/n@refs/pr/2/b.gguf', `${hub}/o/n/resolve/refs%2Fpr%2F2/b.gguf`],
    ['hf:o/n@a%2Fb/onnx/', `${hub}/o/n/resolve/a%2Fb/onnx/`],
    ['hf:o/n/a b#1?x=%.gguf', `${hub}/o/n/resolve/main/a%20b%231%3Fx%3D%25.gguf`],
    ['hf:o/n/a@b.gguf', `${hub}/o/n/resolve/main/a%40b.gguf`],
  ])('%s', (name, url) => {
    expect(hubUrl(name).href).toBe(url)
  })

  it.each([
    ...[
      'hf:',
      'hf:..',
      'hf:../x',
      'hf:name',
      'hf:owner/',
      'hf:/name',
      'hf:a b/c',
      'hf:o/n o',
      'hf:o/..',
      'hf:o/n@',
    ],
    ...[
      'hf:o/n@..',
      'hf:o/n@a..%2f..',
      'hf:o/n/../m',
      'hf:o/n//m',
      'hf:o/n/./m',
      'hf:o/n/a\\b',
      'hf:o/n/a\u0000',
    ],
    ...['hf:o/n@a b', 'hf:o?x/n', 'hf:o/n#x', 'hf:o/n.', 'hf:-o/n', 'hf:https://huggingface.co/o/n'],
  ])('refuses %j', name => {
    expect(() => hubUrl(name)).toThrow(FormatError)
  })

  it('takes another hub, with a path too, and nothing that is none', () => {
    expect(hubUrl('hf:o/n/f', 'http://localhost:1/hub').href).toBe(
      'http://localhost:1/hub/o/n/resolve/main/f',
    )
    expect(hubUrl('hf:o/n/f', new URL('http://localhost:1/')).href).toBe(
      'http://localhost:1/o/n/resolve/main/f',
    )
    expect(() => hubUrl('hf:o/n', 'huggingface.co')).toThrow(FormatError)
    expect(() => hubUrl('hf:o/n', 'file:///tmp')).toThrow(FormatError)
  })

  it('never leaves the repository, and is understood again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), path => {
        let url: URL
        try {
          url = hubUrl(`hf:o/n/${path}`)
        } catch (error) {
          return error instanceof FormatError
        }
        const place = hubPlace(url, {})
        return (
          place?.repository === 'o/n' && place.revision === 'main' && url.search === '' && url.hash === ''
        )
      }),
    )
  })
})
