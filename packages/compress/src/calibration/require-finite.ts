import {
  type Device,
  decode,
  type Encoded,
  isEncoded,
  isFloat,
  NumericalError,
  numbersOf,
  sizeOf,
  type Tensor,
} from '@tersor/core-tensor'

/** What something is a slice of. */
interface Slice {
  readonly dims: readonly number[]
  /** Its first element there. */
  readonly start: number
}

/** Numbers that are looked at together; narrow floats are widened for it. */
const PIECE = 2 ** 20

/**
 * Throws unless all numbers that a weight is made of are finite.
 *
 * @param what  it is, for the message
 * @param device  where it lies, perhaps packed
 * @param of  the weight that it is a slice of, and which element of that it begins with
 * @throws {NumericalError}
 */
export async function requireFiniteWeight(
  what: string,
  weight: Tensor | Encoded,
  device: Device,
  of?: Slice,
): Promise<void> {
  const plain = isEncoded(weight) ? device.unpack(weight) : weight
  const held = new Set(Array.from(tensorsIn(weight), ([, { memory }]) => memory))
  try {
    const advice = 'the checkpoint is damaged, or its training went wrong'
    const nameOf = (part: string) => (part === '' ? what : `'${part.slice(1)}' of ${what}`)
    for (const [part, tensor] of tensorsIn(plain)) {
      if (!part.endsWith('.table'))
        await requireFinite(tensor, nameOf(part), advice, part === '' ? of : undefined)
    }
    for (const [part, e] of codebooksIn(plain)) await requireFiniteEntries(e, nameOf(part), advice)
  } finally {
    for (const [, { memory }] of tensorsIn(plain)) if (!held.has(memory)) memory.free()
  }
}

/**
 * Throws unless all elements of a tensor of any device are finite, or it has none but integers.
 *
 * @param what  it is, for the message
 * @param advice  what to do then
 * @param of  the tensor that it is a slice of, which errors count in
 * @throws {NumericalError}
 */
export async function requireFinite(
  x: Tensor,
  what: string,
  advice = 'look for an overflow in the model',
  { dims, start: first }: Slice = { dims: x.dims, start: 0 },
): Promise<void> {
  if (!isFloat(x.type)) return
  const row = sizeOf(x.dims.slice(1))
  const count = x.dims[0] ?? 1
  const step = Math.max(1, Math.floor(PIECE / Math.max(1, row)))
  for (let start = 0; start < count; start += step) {
    const piece = x.dims.length === 0 ? x : x.rows(start, Math.min(count, start + step))
    const data = x.device.host ? piece.data : await piece.read()
    const numbers = numbersOf({ type: x.type, dims: piece.dims, data })
    for (let i = 0; i < numbers.length; i++) {
      if (!Number.isFinite(numbers[i])) {
        throw new NumericalError(
          `[compress/finite] expected finite numbers in ${what}, got ${numbers[i]} at [${indexOf(first + start * row + i, dims)}]; ${advice}`,
        )
      }
    }
  }
}

/** Tables of 8-bit floats have entries that are no numbers: they count where a code points at them. */
async function requireFiniteEntries(e: Encoded, what: string, advice: string): Promise<void> {
  const table = decode(e.parts.table!)
  if (
    numbersOf({ ...table, data: table.device.host ? table.data : await table.read() }).every(Number.isFinite)
  )
    return
  const rows = e.dims[0] ?? 0
  const step = Math.max(1, Math.floor(PIECE / Math.max(1, sizeOf(e.dims.slice(1)))))
  for (let start = 0; start < rows; start += step) {
    const piece = decode(e, { rows: [start, Math.min(rows, start + step)] })
    await requireFinite(piece, what, advice, { dims: e.dims, start: start * sizeOf(e.dims.slice(1)) })
    piece.dispose()
  }
}

/** The codebooks of a weight by their place in it. */
function* codebooksIn(weight: Tensor | Encoded, place = ''): Generator<[place: string, e: Encoded]> {
  if (!isEncoded(weight)) return
  if (weight.encoding.kind === 'codebook') yield [place, weight]
  for (const [name, part] of Object.entries(weight.parts)) yield* codebooksIn(part, `${place}.${name}`)
}

/** The tensors of a weight by their place in it, such as '.scale.values'. */
function* tensorsIn(weight: Tensor | Encoded, place = ''): Generator<[place: string, tensor: Tensor]> {
  if (!isEncoded(weight)) yield [place, weight]
  else for (const [name, part] of Object.entries(weight.parts)) yield* tensorsIn(part, `${place}.${name}`)
}

/** A row-major offset as an index into every dimension. */
function indexOf(offset: number, dims: readonly number[]): number[] {
  const index: number[] = []
  for (const dim of dims.toReversed()) {
    index.unshift(offset % dim)
    offset = Math.floor(offset / dim)
  }
  return index
}
