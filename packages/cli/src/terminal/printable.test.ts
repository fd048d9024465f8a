import { expect, it } from 'vitest'
import { printable } from './printable.ts'
import { table } from './table.ts'

it('names of strangers do not command the terminal', () => {
  expect(printable('layers.0.weight été 重み')).toBe('layers.0.weight été 重み')
  expect(printable('\u001b[2Jw')).toBe('\\u001b[2Jw')
  expect(printable('a\u202eb\n')).toBe('a\\u202eb\\u000a')
  expect(table(['weight', 'bytes'], [['\u001b]0;x\u0007', '1']])).not.toContain('\u001b')
})
