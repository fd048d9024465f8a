import { type Encoded, FormatError, sizeOf, type Tensor } from '@tersor/core-tensor'
import type { WeightInfo } from '@tersor/formats'
import type { FileKind } from '../architectures/architecture.ts'
import { isElsewhere } from '../architectures/language-model.ts'
import { architectureOf } from '../architectures/read-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { biasShapes, HEAD, weightShapes } from '../decoder/roles.ts'
import { type Range, readSource, readsRows, type StoredTensors } from './read-source.ts'
import { type Names, type Placed, placeOfRole, tensorsOfSource, type Which } from './sources.ts'
import { nameIn } from './stored-name.ts'

/** The tensors of a file as its format has them. */
export interface FileTensors extends StoredTensors {
  readonly names: readonly string[]
  info(name: string): WeightInfo
}

/** What of a weight is loaded. */
export interface LoadRows {
  /** Only these, of the weight as a matrix over its last axis. */
  readonly rows?: readonly [start: number, end: number] | undefined
}

/** One weight of a model: where it lies, and what shape it has. */
interface Role {
  readonly dims: readonly number[]
  /** The tensors of the file that it is made of. */
  readonly tensors: readonly string[]
  /** What it is called where it is written: as in Hugging Face's files, where it lies alone there. */
  readonly storedName: string
  readonly readsRows: boolean
  load(rows?: Range): Promise<Tensor | Encoded>
}

/** The weights of a model by their roles, and what of a file belongs to none. */
export class ModelRoles {
  readonly #roles: ReadonlyMap<string, Role>
  readonly #file: FileTensors
  /** Roles that the configuration asks for and the file lacks. */
  readonly missing: readonly string[]
  /** Tensors of the file that no role is made of, and that are not known to mean nothing. */
  readonly unclaimed: readonly string[]
  /** Tensors of what sees and hears beside the language model. */
  readonly elsewhere: readonly string[]

  /** @param isStated  whether a bias has to be there, of those that a file may have */
  constructor(
    config: DecoderConfig,
    file: FileTensors,
    { names, written }: { names: Names; written: Names },
    isStated: (bias: string) => boolean = () => false,
  ) {
    const found = new Map<string, Role>()
    const missing: string[] = []
    const add = (role: string, which: Which, dims: readonly number[], needed: boolean) => {
      const name = which === 'bias' ? `${role}.bias` : role
      const made = roleOf(file, names, written, { role, name, which, dims })
      if (made !== undefined) found.set(name, made)
      else if (needed) missing.push(name)
    }
    for (const [role, dims] of weightShapes(config)) add(role, 'weight', dims, true)
    const biases = biasShapes(config)
    for (const [name, dims] of biases) add(name.replace(/\.bias$/, ''), 'bias', dims, isStated(name))
    missing.push(...missingBiases([...biases.keys()], found).filter(name => !missing.includes(name)))
    const claimed = new Set([...found.values()].flatMap(({ tensors }) => tensors))
    const head = config.head?.tied === false ? [] : headTensors(names)
    const isIgnored = (name: string) =>
      claimed.has(name) || head.includes(name) || names.ignored?.some(pattern => pattern.test(name)) === true
    this.#file = file
    this.#roles = inOrderOf(file, found)
    this.missing = missing
    const rest = file.names.filter(name => !isIgnored(name))
    this.elsewhere = rest.filter(isElsewhere)
    this.unclaimed = rest.filter(name => !isElsewhere(name))
  }

  get names(): readonly string[] {
    return [...this.#roles.keys()]
  }

  info(name: string): WeightInfo {
    const { tensors, dims } = this.#role(name)
    const parts = tensors.map(tensor => this.#file.info(tensor))
    const [first] = parts
    const all = parts.reduce((sum, part) => sum + part.byteLength, 0)
    const elements = parts.reduce((sum, part) => sum + sizeOf(part.dims), 0)
    const { type, compressed } = first!
    const share = sizeOf(dims) / elements
    return {
      ...{ type, dims, byteLength: Math.ceil(all * share) },
      ...(compressed === undefined ? {} : { compressed }),
      ...(first!.metadataLength === undefined ? {} : { metadataLength: first!.metadataLength }),
      ...(first!.spelled === undefined ? {} : { spelled: first!.spelled }),
    }
  }

  readsRows(name: string): boolean {
    return this.#role(name).readsRows
  }

  load(name: string, { rows }: LoadRows = {}): Promise<Tensor | Encoded> {
    return this.#role(name).load(rows)
  }

  storedName(name: string): string {
    return this.#role(name).storedName
  }

  #role(name: string): Role {
    const role = this.#roles.get(name)
    if (role !== undefined) return role
    throw new FormatError(
      `[models/open-model] expected a weight of the model, such as '${[...this.#roles.keys()][0]}', got '${name}'`,
    )
  }
}

/** Where one layer has a bias, all layers with such a weight have one: a file that lacks some is incomplete. */
function missingBiases(biases: readonly string[], found: ReadonlyMap<string, unknown>): readonly string[] {
  const kindOf = (name: string) => name.replace(/\.\d+\./g, '.')
  const there = new Set(biases.filter(name => found.has(name)).map(kindOf))
  return biases.filter(name => there.has(kindOf(name)) && !found.has(name))
}

interface Wanted {
  /** Without `.bias`. */
  readonly role: string
  readonly name: string
  readonly which: Which
  readonly dims: readonly number[]
}

/** Where a weight lies: under its role's own name, as Tersor writes what is a part of a tensor elsewhere, or in its source. */
function roleOf(file: FileTensors, names: Names, written: Names, wanted: Wanted): Role | undefined {
  const { name, which, dims } = wanted
  if (file.has(name)) {
    return {
      ...{ dims, tensors: [name], storedName: name, readsRows: file.readsRows(name) },
      load: rows => file.load(name, rows),
    }
  }
  const placed = placeFor(names, wanted)
  const tensors = placed === undefined ? [] : tensorsOfSource(placed, which)
  if (placed === undefined || tensors.length === 0 || !tensors.every(tensor => file.has(tensor)))
    return undefined
  return {
    dims,
    tensors,
    storedName: nameIn(written, name),
    readsRows: readsRows(file, placed, which),
    load: rows => readSource(file, placed, which, dims, rows),
  }
}

/** A bias may have a place of its own. */
function placeFor(names: Names, { role, name, which }: Wanted): Placed | undefined {
  return (which === 'bias' ? placeOfRole(names, name) : undefined) ?? placeOfRole(names, role)
}

/** A head that lies in the file of a model whose head is the embedding is not read. */
function headTensors(names: Names): readonly string[] {
  const placed = placeOfRole(names, HEAD)
  return placed === undefined ? [] : tensorsOfSource(placed, 'weight')
}

/** In the order in which their tensors stand in the file. */
function inOrderOf(file: FileTensors, roles: ReadonlyMap<string, Role>): ReadonlyMap<string, Role> {
  const at = new Map(file.names.map((name, i) => [name, i]))
  const first = ({ tensors }: Role) => Math.min(...tensors.map(tensor => at.get(tensor)!))
  return new Map([...roles].sort(([, a], [, b]) => first(a) - first(b)))
}

/** How a family calls its tensors in a file, by the prefix that is found there. */
export function namesIn(config: DecoderConfig, kind: FileKind, file: FileTensors): Names {
  const architecture = architectureOf(config)
  const [usual = ''] = architecture.prefixes
  const has = (name: string) => file.has(name)
  const found = architecture.prefixes.find(prefix => {
    const placed = placeOfRole(architecture.names(config, kind, prefix, has), 'embedding.tokens')
    return placed !== undefined && tensorsOfSource(placed, 'weight').every(name => file.has(name))
  })
  return architecture.names(config, kind, found ?? usual, has)
}
