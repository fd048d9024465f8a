import { expect, it } from 'vitest'
import { strftime } from './strftime.ts'

it.each([
  ['%d %b %Y, %H:%M', '04 Jul 2025, 09:05'],
  ['%A, %-d %B %y', 'Friday, 4 July 25'],
  ['%I:%M:%S %p', '09:05:07 AM'],
  ['%F %T %j 100%%', '2025-07-04 09:05:07 185 100%'],
  ['%Q', '%Q'],
])('writes a date as Python does: %s', (format, text) => {
  expect(strftime(new Date(2025, 6, 4, 9, 5, 7), format)).toBe(text)
})
