import { describe, expect, it } from 'vitest'
import { duration, progressOf } from './progress.ts'

/** What is written to the error stream, with a clock that the test turns. */
function stream(isTTY: boolean) {
  const written: string[] = []
  let time = 0
  const terminal = {
    out: { write: (text: string) => written.push(`out: ${text}`) },
    err: { write: (text: string) => written.push(text), isTTY },
  }
  return { terminal, written, now: () => time, pass: (seconds: number) => (time += 1000 * seconds) }
}

describe('progressOf', () => {
  it('draws a bar in a terminal, with the time that is left, and clears it', () => {
    const { terminal, written, now, pass } = stream(true)
    const progress = progressOf(terminal, 'compressing', { now })
    progress.update(0, 40)
    pass(10)
    progress.update(10, 40)
    progress.update(10, 40)
    pass(30)
    progress.update(40, 40)
    progress.end()
    progress.end()
    expect(written).toEqual([
      `\r\x1b[K${'compressing'.padEnd(28)} ${'─'.repeat(24)} 0/40`,
      `\r\x1b[K${'compressing'.padEnd(28)} ${'━'.repeat(6)}${'─'.repeat(18)} 10/40, 30 s left`,
      `\r\x1b[K${'compressing'.padEnd(28)} ${'━'.repeat(24)} 40/40`,
      '\r\x1b[K',
    ])
  })

  it('writes a line every ten seconds where it is piped', () => {
    const { terminal, written, now, pass } = stream(false)
    const progress = progressOf(terminal, 'compressing', { now })
    for (let done = 0; done <= 25; done++) {
      progress.update(done, 100)
      pass(1)
    }
    progress.end()
    expect(written).toEqual(['compressing: 10 of 100, 90 s left\n', 'compressing: 20 of 100, 80 s left\n'])
  })

  it('does not count what an earlier run did', () => {
    const { terminal, written, now, pass } = stream(false)
    const progress = progressOf(terminal, 'compressing', { now })
    progress.update(80, 100)
    pass(10)
    progress.update(90, 100)
    expect(written).toEqual(['compressing: 90 of 100, 10 s left\n'])
  })

  it('is silent when asked to be', () => {
    const { terminal, written, now, pass } = stream(true)
    const progress = progressOf(terminal, 'compressing', { now, quiet: true })
    pass(20)
    progress.update(1, 2)
    progress.end()
    expect(written).toEqual([])
  })
})

it.each([
  [100, '1 s'],
  [59_400, '59 s'],
  [120_000, '2 min'],
  [3_600_000 * 2 + 300_000, '2 h 5 min'],
])('%i milliseconds are %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text)
})
