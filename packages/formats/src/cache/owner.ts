import { nodeModule } from '@tersor/core-tensor/host'

/** Clocks are set while programs run: starts of one process that are computed twice may differ by as much. */
const SECONDS_APART = 5

/**
 * The name of whoever uses a file, for the names of files beside it: of the process, when it began, because numbers of
 * processes come again, and of one of its uses.
 */
export function newOwner(): string {
  return `${process.pid}-${startOfProcess()}-${crypto.randomUUID().slice(0, 8)}`
}

/** Whether the process of an owner has ended, so that what it left is anybody's. */
export function isGone(owner: string): boolean {
  const [pid, start] = owner.split('-').map(Number) as [number, number]
  if (pid === process.pid) return Math.abs(start - startOfProcess()) > SECONDS_APART
  try {
    // Signal 0 is not sent; it asks whether there is somebody to send it to.
    nodeModule<typeof import('node:process')>('node:process')?.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function startOfProcess(): number {
  return Math.round(Date.now() / 1000 - process.uptime())
}
