import { FileError } from '@tersor/core-tensor'
import { codeOf, files, paths, system } from './files.ts'

/** Clocks and uptimes are read one after the other. */
const SECONDS_OFF = 5

const NAME = /^lock-(\d+)\.json$/

interface Owner {
  readonly pid: number
  readonly host: string
  /** Seconds since 1970 at which its process began; process ids are used again. */
  readonly began: number
}

export interface Lock {
  release(): Promise<void>
}

/**
 * Takes a folder for one job. Locks are numbered, and the highest counts: a job whose process is gone is succeeded by whoever
 * makes the next number first, so that of two successors one is refused.
 *
 * @throws {FileError} while another job has it
 */
export async function takeLock(folder: string): Promise<Lock> {
  const me = self()
  const held = await locksIn(folder)
  const last = held.at(-1)
  if (last !== undefined) {
    const owner = await ownerOf(paths().join(folder, last.name))
    if (owner !== undefined && isAlive(owner, me)) throw taken(folder, owner)
  }
  const path = paths().join(folder, `lock-${(last?.number ?? 0) + 1}.json`)
  try {
    await files().writeFile(path, JSON.stringify(me), { flag: 'wx' })
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw taken(folder, await ownerOf(path))
    throw error
  }
  for (const { name } of held) await files().rm(paths().join(folder, name), { force: true })
  return { release: () => files().rm(path, { force: true }) }
}

/** Whether a file in the folder of a job is a lock. */
export function isLock(name: string): boolean {
  return NAME.test(name)
}

async function locksIn(folder: string): Promise<{ name: string; number: number }[]> {
  const names = (await files().readdir(folder)).filter(isLock)
  return names
    .map(name => ({ name, number: Number(NAME.exec(name)![1]) }))
    .sort((a, b) => a.number - b.number)
}

/** Undefined where the file is gone, or torn as by a crash of the machine. */
async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await files().readFile(path, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

function isAlive({ pid, host, began }: Owner, me: Owner): boolean {
  if (host !== me.host) return true
  if (pid === me.pid) return Math.abs(began - me.began) < SECONDS_OFF
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function self(): Owner {
  return {
    pid: process.pid,
    host: system().hostname(),
    began: Math.round(Date.now() / 1000 - process.uptime()),
  }
}

function taken(folder: string, owner: Owner | undefined): FileError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`
  return new FileError(
    `[compress/job] expected ${folder} to be free, got a job that runs in ${who}; wait for it, or if it is gone delete its lock`,
  )
}
