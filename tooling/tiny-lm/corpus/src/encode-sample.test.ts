import { expect, it } from 'vitest'
import { BpeEncoder } from './bpe-encoder.ts'
import { encodeSample } from './encode-sample.ts'
import { trainTokenizer } from './train-tokenizer.ts'

it('weighs the tokens of answers fully, the others by a third, the beginning not at all', () => {
  const encoder = new BpeEncoder(trainTokenizer(['kite kite kite'], { size: 262 }).tokenizer)
  const text = 'A: kite\nB: 12\n'
  const answers = [
    { start: 2, end: 7, kind: 'one' },
    { start: 10, end: 13, kind: 'two' },
  ]
  const { tokens, weights } = encodeSample({ text, answers, family: 'test', key: 'test' }, encoder)
  // begin A : ␣kite \n B : ␣ 1 2 \n end
  expect([...tokens]).toEqual([encoder.bos, ...encoder.encode(text), encoder.eos])
  const expected = [0, 0.3, 0.3, 1, 0.3, 0.3, 0.3, 1, 1, 1, 0.3, 0.3]
  expect(weights).toEqual(Float32Array.from(expected))
})
