import { create, type DescMessage, mergeFromBinary } from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import { FormatError } from '@tersor/core-tensor'
import { type ModelProto, ModelProtoSchema, type TensorProto, TensorProtoSchema } from 'onnx-buf'
import { BufferedReader } from '../buffered-reader.ts'
import { quoted } from '../quoted.ts'
import type { RandomAccess } from '../random-access.ts'
import { ByteStack } from './byte-stack.ts'
import { ADVICE, DELIMITED, fieldAt, MAX_HEAD_BYTES, type WireField } from './field-at.ts'

const WHERE = 'formats/onnx'

/** As protocol buffers themselves have it; nested graphs take three messages each. */
const MAX_DEPTH = 100

/** Models of a hundred layers have some ten thousand nodes, each of a few messages. */
const MAX_MESSAGES = 2 ** 20

/** Of what the library parses at once only the bytes are counted; the shortest messages there take a quarter of that. */
const BYTES_PER_MESSAGE = 8

/** Of all that is no tensor's elements; the same models have a few million. */
const MAX_BYTES = 2 ** 24

/** Elements up to here are part of the model too: shapes, axes, scalars. */
const KEPT_BYTES = 2 ** 10

/** One run of elements, or one element, for each; files have one run. */
const MAX_RUNS = 2 ** 12

/** Of `TensorProto`, the fields of elements. */
export const DATA_FIELDS = [
  'floatData',
  'int32Data',
  'stringData',
  'int64Data',
  'rawData',
  'doubleData',
  'uint64Data',
] as const

export type DataField = (typeof DATA_FIELDS)[number]

/** Where in a file elements of a tensor lie; of strings, which are not read, only how long they are is true. */
export interface Run {
  readonly field: DataField
  readonly start: number
  readonly byteLength: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** A model without the elements of its tensors, and where those are. */
export interface SkimmedModel {
  /** Complete but for elements of more than a kilobyte, and for fields that ONNX 1.20 does not know. */
  readonly model: ModelProto
  readonly runs: ReadonlyMap<TensorProto, readonly Run[]>
}

/**
 * Reads a model past the elements of its tensors: messages are walked by their schemas, what else they hold is parsed
 * by the library of protocol buffers.
 *
 * @throws {FormatError} when it is no such message, or larger than the limits
 */
export async function skimModel(source: RandomAccess): Promise<SkimmedModel> {
  const model = create(ModelProtoSchema)
  const skimmer = new Skimmer(source)
  await skimmer.fill(reflect(ModelProtoSchema, model, false), source.byteLength, 1)
  return { model, runs: skimmer.runs }
}

class Skimmer {
  readonly runs = new Map<TensorProto, Writable<Run>[]>()
  readonly #reader: BufferedReader
  readonly #holders = new Map<DescMessage, boolean>([[TensorProtoSchema, true]])
  /** Of the messages that are being filled, those around before those inside. */
  readonly #scalars = new ByteStack()
  #messages = 0
  #bytes = 0

  constructor(source: RandomAccess) {
    this.#reader = new BufferedReader(source, WHERE)
  }

  /** Fills a message with what is there up to `end`. */
  async fill(into: ReflectMessage, end: number, depth: number): Promise<void> {
    this.#count(depth)
    const reader = this.#reader
    const base = this.#scalars.length
    while (reader.position < end) {
      const more = reader.need(Math.min(MAX_HEAD_BYTES, end - reader.position))
      if (more !== undefined) await more
      const wire = fieldAt(reader.peek(MAX_HEAD_BYTES), WHERE)
      const length = wire.headBytes + wire.valueBytes
      if (length > end - reader.position) {
        throw new FormatError(
          `[${WHERE}] expected a field of at most ${end - reader.position} bytes at ${reader.position}, got ${length}; ${ADVICE}`,
        )
      }
      const field = into.findNumber(wire.number)
      if (field?.message !== undefined && this.#holdsTensors(field.message)) {
        await this.#message(into, wire, depth)
        continue
      }
      if (field === undefined || this.#isLong(into, wire, field.localName)) reader.skip(length)
      else {
        if (field.message !== undefined) this.#messages += 1 + Math.floor(length / BYTES_PER_MESSAGE)
        await this.#keep(length)
      }
    }
    if (this.#scalars.length > base) merge(into, this.#scalars.takeFrom(base))
  }

  /** Whether there may be a tensor anywhere in a message; all others are parsed at once. */
  #holdsTensors(desc: DescMessage): boolean {
    const known = this.#holders.get(desc)
    if (known !== undefined) return known
    // Until it is found out, so that those that hold themselves come to an end.
    this.#holders.set(desc, false)
    const holds = desc.fields.some(({ message }) => message !== undefined && this.#holdsTensors(message))
    this.#holders.set(desc, holds)
    return holds
  }

  async #message(
    into: ReflectMessage,
    { number, wireType, headBytes, valueBytes }: WireField,
    depth: number,
  ) {
    if (wireType !== DELIMITED)
      throw new FormatError(`[${WHERE}] expected a message in field ${number}, got a number; ${ADVICE}`)
    const field = into.findNumber(number)!
    this.#reader.skip(headBytes)
    // A message that occurs again goes on with what was there before.
    const before = field.fieldKind === 'message' && into.isSet(field) ? into.get(field) : undefined
    const message = before ?? reflect(field.message as DescMessage, undefined, false)
    await this.fill(message, this.#reader.position + valueBytes, depth + 1)
    if (field.fieldKind === 'list') into.get(field).add(message)
    else if (field.fieldKind === 'message') into.set(field, message)
  }

  /** Notes where elements lie, and says whether they are no part of the model. */
  #isLong({ desc, message }: ReflectMessage, { headBytes, valueBytes }: WireField, name: string): boolean {
    if (desc.typeName !== TensorProtoSchema.typeName || !isDataField(name)) return false
    const tensor = message as TensorProto
    const runs = this.runs.get(tensor) ?? []
    if (runs.length === 0) this.runs.set(tensor, runs)
    const last = runs.at(-1)
    if (name === 'stringData' && last?.field === name) {
      last.byteLength += valueBytes
      return true
    }
    if (
      runs.push({ field: name, start: this.#reader.position + headBytes, byteLength: valueBytes }) > MAX_RUNS
    )
      throw new FormatError(
        `[${WHERE}] expected elements of a tensor in at most ${MAX_RUNS} runs, got more; save the model again with raw data`,
      )
    return name === 'stringData' || valueBytes > KEPT_BYTES
  }

  async #keep(length: number): Promise<void> {
    this.#bytes += length
    if (this.#bytes > MAX_BYTES) {
      throw new FormatError(
        `[${WHERE}] expected at most ${MAX_BYTES} bytes beside tensors, got more; ${ADVICE}`,
      )
    }
    const more = this.#reader.need(length)
    if (more !== undefined) await more
    this.#scalars.push(this.#reader.take(length))
  }

  #count(depth: number): void {
    if (depth > MAX_DEPTH)
      throw new FormatError(`[${WHERE}] expected messages at most ${MAX_DEPTH} deep, got deeper ones`)
    if (++this.#messages > MAX_MESSAGES)
      throw new FormatError(`[${WHERE}] expected at most ${MAX_MESSAGES} messages, got more; ${ADVICE}`)
  }
}

function isDataField(name: string): name is DataField {
  return (DATA_FIELDS as readonly string[]).includes(name)
}

function merge({ desc, message }: ReflectMessage, bytes: Uint8Array): void {
  try {
    mergeFromBinary(desc, message, bytes)
  } catch (error) {
    throw new FormatError(
      `[${WHERE}] expected a message ${desc.typeName}, got '${quoted((error as Error).message)}'; ${ADVICE}`,
    )
  }
}
