import type { FileHandle } from 'node:fs/promises'
import { FileError } from '@tersor/core-tensor'
import { files, fillWhole, hashOf, PARTIAL, paths, readIfThere, sha256, writeWhole } from './files.ts'
import { isLock } from './lock.ts'

/** Of the lines below and of the files beside them. */
const VERSION = 1
const JOURNAL = 'journal.jsonl'
/** Results, and whatever a killed run did not finish. */
const OWN = new RegExp(`^(\\d+\\.safetensors|.+\\${PARTIAL})$`)

/** What decides the bytes of a job, each as one text; their hash is the identity of the job. */
export type Identity = Readonly<Record<'recipe' | 'methods' | 'source' | 'calibration' | 'seed', string>>

/** A piece of work that is done: its file lies in the folder, and has this hash. */
export interface Entry {
  readonly key: string
  readonly file: string
  readonly sha256: string
  readonly [field: string]: unknown
}

/**
 * What a job has done so far, in a folder: a line for each finished piece of work, and its result in a file of its own. Files are
 * synced before their line is written, and lines one by one, so that after a crash a line stands for a file that is whole.
 */
export class Journal {
  readonly folder: string
  readonly #done: Map<string, Entry>
  #files: number

  private constructor(folder: string, done: Map<string, Entry>, count: number) {
    this.folder = folder
    this.#done = done
    this.#files = count
  }

  /**
   * Opens the journal in a folder that the caller has locked, or begins one. What a killed run left unfinished is cleaned away;
   * a piece of work whose file is gone or has another hash counts as not done.
   *
   * @param fresh  drop what is there
   * @throws {FileError} when the folder holds the journal of another job, saying what differs, or other files
   */
  static async open(folder: string, identity: Identity, fresh: boolean): Promise<Journal> {
    const path = paths().join(folder, JOURNAL)
    const names = await files().readdir(folder)
    const stranger = names.find(name => name !== JOURNAL && !OWN.test(name) && !isLock(name))
    if (stranger !== undefined) {
      throw new FileError(
        `[compress/job] expected ${folder} to be the folder of a job, got '${stranger}' in it; choose another target, or move it away`,
      )
    }
    const head = { version: VERSION, ...hashes(identity) }
    const bytes = fresh ? undefined : await readIfThere(path)
    const [first, ...lines] = bytes === undefined ? [] : linesOf(bytes)
    if (first !== undefined) requireSame(folder, first, head)
    const done = new Map<string, Entry>()
    for (const line of lines) {
      if (isEntry(line) && (await hasHash(paths().join(folder, line.file), line.sha256)))
        done.set(line.key, line)
    }
    const known = new Set(Array.from(done.values(), ({ file }) => file))
    for (const name of names) {
      if (name !== JOURNAL && !known.has(name) && !isLock(name))
        await files().rm(paths().join(folder, name), { force: true })
    }
    await writeWhole(
      path,
      [head, ...done.values()].map(line => `${JSON.stringify(line)}\n`),
    )
    const numbers = Array.from(known, file => Number.parseInt(file, 10) + 1)
    return new Journal(folder, done, Math.max(0, ...numbers))
  }

  /** How many pieces of work are done. */
  get size(): number {
    return this.#done.size
  }

  get(key: string): Entry | undefined {
    return this.#done.get(key)
  }

  pathOf({ file }: Entry): string {
    return paths().join(this.folder, file)
  }

  /** Writes the result of a piece of work, and then its line. */
  async add(key: string, pieces: readonly Uint8Array[], describe: (hash: string) => object): Promise<Entry> {
    const file = this.#nextFile()
    const hash = sha256(pieces)
    await writeWhole(paths().join(this.folder, file), pieces)
    return this.#enter({ key, file, sha256: hash, ...describe(hash) })
  }

  /** The same of a result that `fill` writes into its file, which is hashed when it is whole. */
  async addFilled<T>(
    key: string,
    fill: (file: FileHandle) => Promise<T>,
    describe: (hash: string, filled: T) => object,
  ): Promise<Entry> {
    const file = this.#nextFile()
    const path = paths().join(this.folder, file)
    const filled = await fillWhole(path, fill)
    const hash = (await hashOf(path))!
    return this.#enter({ key, file, sha256: hash, ...describe(hash, filled) })
  }

  #nextFile(): string {
    return `${String(this.#files++).padStart(5, '0')}.safetensors`
  }

  async #enter(entry: Entry): Promise<Entry> {
    await this.note(entry)
    this.#done.set(entry.key, entry)
    return entry
  }

  /** Writes a line of its own, such as of a failure. */
  async note(line: object): Promise<void> {
    await using journal = await files().open(paths().join(this.folder, JOURNAL), 'a')
    await journal.writeFile(`${JSON.stringify(line)}\n`)
    await journal.sync()
  }

  /** Removes the journal and all files, the lock excepted. */
  async remove(): Promise<void> {
    for (const name of await files().readdir(this.folder)) {
      if (!isLock(name)) await files().rm(paths().join(this.folder, name), { force: true })
    }
  }
}

/** The identity of a job in one hash. */
export function idOf(identity: Identity): string {
  return sha256([JSON.stringify({ version: VERSION, ...hashes(identity) })])
}

function hashes(identity: Identity): Record<keyof Identity, string> {
  const { recipe, methods, source, calibration, seed } = identity
  const texts = Object.entries({ recipe, methods, source, calibration, seed })
  return Object.fromEntries(texts.map(([name, text]) => [name, sha256([text])])) as Record<
    keyof Identity,
    string
  >
}

/** The lines up to the first that is torn. */
function linesOf(bytes: Uint8Array): unknown[] {
  const lines: unknown[] = []
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    try {
      lines.push(JSON.parse(line))
    } catch {
      break
    }
  }
  return lines
}

function requireSame(folder: string, first: unknown, head: Readonly<Record<string, unknown>>): void {
  const there = (typeof first === 'object' && first !== null ? first : {}) as Record<string, unknown>
  const different = Object.keys(head).filter(field => there[field] !== head[field])
  if (different.length === 0) return
  throw new FileError(
    `[compress/job] expected ${folder} to hold the journal of this job, got one of another ${different.join(', ')}; ` +
      'finish that job, or start over with fresh: true',
  )
}

function isEntry(line: unknown): line is Entry {
  const { key, file, sha256: hash } = (line ?? {}) as Partial<Entry>
  return (
    typeof key === 'string' &&
    typeof hash === 'string' &&
    typeof file === 'string' &&
    /^\d+\.safetensors$/.test(file)
  )
}

async function hasHash(path: string, hash: string): Promise<boolean> {
  return (await hashOf(path)) === hash
}
