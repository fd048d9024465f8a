import { expect, test } from 'vitest'
import { replaceBetween } from '../../../config/replace-between.ts'
import { resultRow, timeKey } from './result-row.ts'
import { table } from './table.ts'

const times = new Map([
  [timeKey('sum-8bit', 'native', 1), 2],
  [timeKey('sum-8bit', 'native', 2), 1.25],
  [timeKey('sum-f32', 'native', 1), 8],
  [timeKey('sum-f32', 'onnxruntimeNode', 1), 3],
  [timeKey('sum-f32', 'onnxruntimeNode', 2), 1],
])

const row = (threads: number) =>
  resultRow(
    {
      ...{ kernel: 'sum-8bit', device: 'native', threads, bytes: 4e6, limitMs: 1.5 },
      ...{ peersOf: 'sum-f32', peers: ['onnxruntimeNode', 'onnxruntimeNodeGqa'], float32: 'sum-f32' },
    },
    times,
  )

test('ratios above 1 mean that we are faster, and what was not measured is left out', () => {
  expect(row(1)).toEqual({
    ...{ kernel: 'sum-8bit', device: 'native', threads: 1, ms: 2, gbps: 2 },
    ratios: { onnxruntimeNode: 1.5, limit: 0.75, float32: 4 },
  })
})

test('more threads are compared with one, and with a peer on as many', () => {
  expect(row(2).ratios).toEqual({ onnxruntimeNode: 0.8, limit: 1.2, oneThread: 1.6 })
})

test('a row is plain JSON', () => {
  expect(JSON.parse(JSON.stringify(row(2)))).toEqual(row(2))
})

test('the table has a line for each row', () => {
  expect(table([row(1), row(2)]).split('\n')).toEqual([
    '| kernel | device | threads | ms | GB/s | GFLOP/s | of the limit | × ORT web | × ORT node | × ORT node GQA | × float32 | × 1 thread |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    '| `sum-8bit` | native | 1 | 2.00 | 2.00 | – | 75 % | – | 1.50 | – | 4.00 | – |',
    '| `sum-8bit` | native | 2 | 1.25 | 3.20 | – | 120 % | – | 0.800 | – | – | 1.60 |',
  ])
})

test('only what stands between the markers is replaced', () => {
  const text = 'before\n<!-- a -->\nold\n<!-- b -->\nafter\n'
  const replaced = replaceBetween(text, '<!-- a -->', '<!-- b -->', 'new')
  expect(replaced).toBe('before\n<!-- a -->\n\nnew\n\n<!-- b -->\nafter\n')
  expect(replaceBetween(replaced, '<!-- a -->', '<!-- b -->', 'new')).toBe(replaced)
  expect(() => replaceBetween('<!-- b --><!-- a -->', '<!-- a -->', '<!-- b -->', '')).toThrow('once each')
})
