import { expect } from 'vitest'
import { type RunOptions, run } from '../run.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command and gives its exit code and what it wrote. */
export function tersor(...args: string[]): Promise<Said> {
  return tersorWith({}, ...args)
}

/** The same with a signal, in a terminal where `onErr` sees each piece of the error stream if it is given. */
export async function tersorWith(
  { onErr, ...options }: RunOptions & { onErr?: (text: string) => void },
  ...args: string[]
): Promise<Said> {
  let out = ''
  let err = ''
  const streams = {
    out: { write: (text: string) => (out += text) },
    err: {
      isTTY: onErr !== undefined,
      write(text: string) {
        err += text
        onErr?.(text)
      },
    },
  }
  const code = await run(args, streams, options)
  return { code, out, err }
}

/** The object that a command prints with `--json`, and nothing beside it. */
export async function json(...args: string[]) {
  const { code, out, err } = await tersor(...args, '--json')
  expect(err).toBe('')
  expect(code, out).toBe(0)
  expect(out.trim().split('\n')).toHaveLength(1)
  return JSON.parse(out)
}

/** The error that a command prints with `--json`, with its exit code. */
export async function failure(
  ...args: string[]
): Promise<{ code: string; message: string; exitCode: number }> {
  const { code, out, err } = await tersor(...args, '--json')
  expect(err).toBe('')
  expect(out.trim().split('\n')).toHaveLength(1)
  return { ...JSON.parse(out).error, exitCode: code }
}
