import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { byteLength, decode, isEncoded, sizeOf, toFloat32 } from '@tersor/core-tensor'
import { openSafetensors, quantizedWeights } from '@tersor/formats'

/** Checkpoints that other programs quantized, each with the numbers of its own library. */
export const layoutsRoot: URL = new URL(
  '../../../../../shared/data/golden/checkpoint-layouts/',
  import.meta.url,
)

/** A row of the table: what was read, and whether it is right. */
export interface LayoutRow {
  readonly folder: string
  readonly layout: string
  readonly encoding: string
  /** Of what is held, metadata included. */
  readonly bits: number
  readonly exact: boolean
}

/** Reads all layouts, and compares every number. */
export async function layoutRows(): Promise<LayoutRow[]> {
  const folders = existsSync(layoutsRoot)
    ? readdirSync(layoutsRoot).filter(name =>
        existsSync(new URL(`${name}/expected.safetensors`, layoutsRoot)),
      )
    : []
  return Promise.all(folders.sort().map(layoutRow))
}

async function layoutRow(folder: string): Promise<LayoutRow> {
  const bytesOf = (file: string) => readFileSync(new URL(`${folder}/${file}`, layoutsRoot))
  const [file, expected] = await Promise.all(
    ['model.safetensors', 'expected.safetensors'].map(name => openSafetensors(bytesOf(name))),
  )
  const config = JSON.parse(bytesOf('config.json').toString())
  const { weights } = quantizedWeights(file!, config, { dimsOf: name => expected!.tensors.get(name)?.dims })!
  const layouts = new Set<string>()
  const encodings = new Set<string>()
  let [bytes, elements, exact] = [0, 0, weights.size > 0]
  for (const [name, weight] of weights) {
    const isStack = name.endsWith('_blocks')
    const truth = toFloat32(await expected!.read(name.replace(/_blocks$/, '')))
    const loaded = await weight.load()
    const numbers = toFloat32(decode(loaded))
    const [rows, columns] = loaded.dims.slice(-2) as [number, number]
    // The expected one is the other way round.
    const at = (i: number) => {
      if (!isStack) return i
      const inside = i % (rows * columns)
      return i - inside + (inside % rows) * columns + Math.floor(inside / rows)
    }
    exact &&= numbers.length === truth.length && truth.every((value, i) => Object.is(value, numbers[at(i)]))
    layouts.add(weight.layout)
    const { base } = loaded.parts
    const within =
      base !== undefined && isEncoded(base)
        ? `${loaded.encoding.kind}(${base.encoding.kind})`
        : loaded.encoding.kind
    encodings.add(within)
    bytes += byteLength(loaded)
    elements += sizeOf(loaded.dims)
  }
  return {
    folder,
    layout: [...layouts].join(', '),
    encoding: [...encodings].join(', '),
    bits: (8 * bytes) / elements,
    exact,
  }
}

/** The table as Markdown. */
export function layoutTable(rows: readonly LayoutRow[]): string {
  const lines = rows.map(
    ({ folder, layout, encoding, exact }) =>
      `| ${folder} | ${layout} | \`${encoding}\` | ${exact ? '✓' : '✗'} |`,
  )
  return ['| checkpoint | layout | held as | bit for bit |', '| --- | --- | --- | --- |', ...lines].join('\n')
}
