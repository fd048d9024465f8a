import fs from 'node:fs/promises'

type Operation = (...args: unknown[]) => Promise<unknown>

/** Functions that change the disk; reading is not counted. */
const CHANGES = ['mkdir', 'open', 'rename', 'rm', 'rmdir', 'writeFile'] as const
const HANDLE_CHANGES = ['sync', 'write', 'writeFile'] as const

/**
 * Counts every change of the disk that goes through `node:fs/promises`, and calls `die` at a chosen one: a write has written half
 * of its bytes by then.
 *
 * @returns how many changes there were, and a function that makes the disk what it was
 */
export async function mortalFiles(
  at: number,
  die: () => never,
): Promise<{ changes(): number; restore(): void }> {
  let count = 0
  const restores: (() => void)[] = []
  const wrap = (object: Record<string, Operation>, name: string) => {
    const original = object[name]!
    object[name] = async function (this: unknown, ...args: unknown[]) {
      if (count++ >= at) {
        const [bytes] = args
        if (count - 1 === at && (name === 'write' || (name === 'writeFile' && args.length === 1)))
          await original.apply(this, [
            half(bytes),
            ...args.slice(1, 2),
            ...(args.length > 2 ? [half(bytes).length, args[3]] : []),
          ])
        die()
      }
      return original.apply(this, args)
    }
    restores.push(() => {
      object[name] = original
    })
  }
  const handle = await fs.open(new URL(import.meta.url).pathname, 'r').catch(() => fs.open('.', 'r'))
  const prototype = Object.getPrototypeOf(handle)
  await handle.close()
  for (const name of CHANGES) wrap(fs as unknown as Record<string, Operation>, name)
  for (const name of HANDLE_CHANGES) wrap(prototype, name)
  const restore = () => {
    for (const each of restores) each()
  }
  return { changes: () => count, restore }
}

function half(bytes: unknown): Uint8Array {
  const whole = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : (bytes as Uint8Array)
  return whole.subarray(0, whole.length >> 1)
}
