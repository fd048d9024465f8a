import type { Encoded, Json } from '../encoded/encoded.ts'
import { Tensor } from '../tensor/tensor.ts'

/** Copies of an encoded tensor that each contradict themselves in one place. */
export function* mutations(e: Encoded): Generator<readonly [what: string, mutated: Encoded]> {
  yield ['one more dimension', { ...e, dims: [...e.dims, 2] }]
  yield ['a longer first dimension', { ...e, dims: [2 * e.dims[0]! + 64, ...e.dims.slice(1)] }]
  if (e.dims.at(-1) !== 0) yield ['an empty last dimension', { ...e, dims: [...e.dims.slice(0, -1), 0] }]
  for (const dim of [-1, 0.5, NaN, 2 ** 53, Infinity])
    yield [`dimension ${dim}`, { ...e, dims: [...e.dims.slice(0, -1), dim] }]
  yield ['a type that is none', { ...e, type: 'float31' as never }]
  yield ['another integer type', { ...e, type: e.type === 'int32' ? 'int64' : 'int32' }]

  for (const [name, part] of Object.entries(e.parts)) {
    const { [name]: _, ...others } = e.parts
    if (!optional.has(name) && !Number.isInteger(Number(name))) yield [`no ${name}`, { ...e, parts: others }]
    if (!(part instanceof Tensor)) {
      for (const [what, mutated] of mutations(part))
        yield [`${name}: ${what}`, { ...e, parts: { ...e.parts, [name]: mutated } }]
    } else if (part.size > 0) {
      const shorter = new Tensor(part.type, new Uint8Array(part.byteLength - unit(part)), shorterDims(part))
      // A table with one book less is a table still.
      if (name !== 'table' || part.dims.length < 3)
        yield [`${name} truncated`, { ...e, parts: { ...e.parts, [name]: shorter } }]
      const flat = part.reshape([...part.dims, 1])
      yield [`${name} of one more dimension`, { ...e, parts: { ...e.parts, [name]: flat } }]
    }
  }

  for (const [name, value] of Object.entries(e.meta)) {
    const wrong: Json[] = typeof value === 'number' ? [-1, 0.5, 2 ** 60, '1', null] : ['nonsense', null, 3]
    for (const bad of wrong) {
      yield [`meta.${name} ${JSON.stringify(bad)}`, { ...e, meta: { ...e.meta, [name]: bad } }]
    }
    const { [name]: _, ...others } = e.meta
    yield [`no meta.${name}`, { ...e, meta: others }]
  }
}

/** Parts that an encoding may do without. */
const optional: ReadonlySet<string> = new Set(['zero', 'offset', 'scale'])

function shorterDims(part: Tensor): number[] {
  return [part.dims[0]! - 1, ...part.dims.slice(1)]
}

function unit(part: Tensor): number {
  return part.byteLength - part.rows(0, part.dims[0]! - 1).byteLength
}
