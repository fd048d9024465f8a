import {
  decode,
  type Encoded,
  type Encoding,
  FormatError,
  isEncoded,
  sizeOf,
  type Tensor,
  TersorError,
} from '@tersor/core-tensor'
import {
  loadWeight,
  openSafetensors,
  readsRows,
  type SafetensorsFile,
  weightInfo,
  weightNames,
  weightPieces,
} from '@tersor/formats'
import { SLICE_ELEMENTS } from './cut-rows.ts'
import { crypto, hashOf, readIfThere } from './files.ts'
import { MANIFEST_KEY, type Manifest, parseManifest } from './manifest.ts'
import { targetOf } from './target.ts'

/** Elements that are decoded at a time. */
const CHUNK = 2 ** 18

export interface VerifyOptions {
  /** What the file should be; by default the manifest beside it, or else the one inside. */
  manifest?: Manifest | undefined
  /** The kinds of encodings that its weights may be of; `coreKinds` by default. */
  kinds?: readonly Encoding[] | undefined
}

/** What is wrong with a model, if anything. */
export interface Verification {
  readonly ok: boolean
  /** Of the file as a whole. */
  readonly problems: readonly string[]
  /** Every tensor of the manifest and of the file, with what is wrong with it. */
  readonly tensors: readonly { readonly name: string; readonly problem?: string }[]
}

/**
 * Compares a model that a job wrote with its manifest: the hash of the file, that of every tensor, and whether each of them can be
 * decoded. Some megabytes of a tensor are in memory at a time; of a compressed one whose rows cannot be read apart, all of it.
 *
 * @throws {FormatError} when there is no manifest
 */
export async function verifyModel(
  target: string | URL,
  { manifest: given, kinds }: VerifyOptions = {},
): Promise<Verification> {
  const { path, manifest: place } = targetOf(target)
  const outside = given ?? (await manifestBeside(place))
  const problems: string[] = []
  if (outside?.file !== undefined && (await hashOf(path)) !== outside.file.sha256)
    problems.push('the file has other bytes than when it was written')
  const opened = await tried(() => openSafetensors(path))
  if (typeof opened === 'string') return { ok: false, problems: [...problems, opened], tensors: [] }
  try {
    const inside = opened.metadata.get(MANIFEST_KEY)
    const manifest = outside ?? (inside === undefined ? undefined : parseManifest(inside, path))
    if (manifest === undefined) {
      throw new FormatError(`[compress/verify] expected a manifest in ${path} or at ${place}, got neither`)
    }
    const tensors = await tried(() => verifyTensors(opened, manifest, kinds))
    if (typeof tensors === 'string') return { ok: false, problems: [...problems, tensors], tensors: [] }
    const ok = problems.length === 0 && tensors.every(({ problem }) => problem === undefined)
    return { ok, problems, tensors }
  } finally {
    await opened.close()
  }
}

/** What `run` gives, or the message of the typed error that it throws. */
async function tried<T>(run: () => Promise<T>): Promise<T | string> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof TersorError)) throw error
    return error.message
  }
}

async function manifestBeside(place: string): Promise<Manifest | undefined> {
  const bytes = await readIfThere(place)
  return bytes === undefined ? undefined : parseManifest(new TextDecoder().decode(bytes), place)
}

async function verifyTensors(
  file: SafetensorsFile,
  { tensors }: Manifest,
  kinds: readonly Encoding[] | undefined,
): Promise<{ name: string; problem?: string }[]> {
  const there = new Set(weightNames(file))
  const known = new Set(tensors.map(({ name, storedName = name }) => storedName))
  const report: { name: string; problem?: string }[] = []
  for (const { name, storedName = name, sha256: hash } of tensors) {
    const problem = there.has(storedName) ? await problemOf(file, storedName, hash, kinds) : 'it is missing'
    report.push(problem === undefined ? { name } : { name, problem })
  }
  const strangers = [...there].filter(name => !known.has(name))
  return [...report, ...strangers.map(name => ({ name, problem: 'the manifest does not know it' }))]
}

async function problemOf(
  file: SafetensorsFile,
  name: string,
  hash: string,
  kinds: readonly Encoding[] | undefined,
): Promise<string | undefined> {
  return tried(async () => {
    const found = crypto().createHash('sha256')
    for await (const piece of weightPieces(file, name)) found.update(piece)
    if (found.digest('hex') !== hash) return 'it has other bytes than when it was written'
    if (weightInfo(file, name).compressed !== undefined) await decodeWeight(file, name, kinds)
    return undefined
  })
}

/** A slice in memory at a time, where rows can be read. */
async function decodeWeight(
  file: SafetensorsFile,
  name: string,
  kinds: readonly Encoding[] | undefined,
): Promise<void> {
  if (!readsRows(file, name, { kinds })) return decodeAll(await loadWeight(file, name, { kinds }))
  const [count = 0, columns = 1] = weightInfo(file, name).dims
  const step = Math.max(1, Math.floor(SLICE_ELEMENTS / Math.max(1, columns)))
  // Of an empty one too, so that its tree is checked.
  for (let start = 0; start === 0 || start < count; start += step)
    decodeAll(await loadWeight(file, name, { kinds, rows: [start, Math.min(count, start + step)] }))
}

/** Some rows at a time. */
function decodeAll(weight: Tensor | Encoded): void {
  if (!isEncoded(weight)) return
  const [rows = 1, ...rest] = weight.dims
  const step = Math.max(1, Math.floor(CHUNK / Math.max(1, sizeOf(rest))))
  if (weight.dims.length === 0) decode(weight)
  else
    for (let start = 0; start < rows; start += step)
      decode(weight, { rows: [start, Math.min(rows, start + step)] })
}
