import { dense, type Encoded, product, Rng, sum, Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { type Verification, verify } from '@tersor/eval'
import { loadModel } from '@tersor/models'
import { nf4, quantizeAffine } from '@tersor/quantize'
import { parseArguments } from '../arguments.ts'
import { type MissingDevice, otherDevices } from '../devices.ts'
import { modelPath } from '../model-path.ts'
import type { Streams } from '../run.ts'
import { table } from '../terminal/table.ts'
import { UsageError } from '../usage-error.ts'

const HELP = `tersor verify-devices [MODEL]

Runs a model, or sample weights of every encoding that devices pack, through each device of this
machine and compares every layer with the reference. Fails where one diverges.

  --json   one object
`

/** `tersor verify-devices`: whether all devices of this machine agree. */
export async function verifyDevices(args: readonly string[], streams: Streams): Promise<void> {
  const { values, positionals } = parseArguments(args, {
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (values.help) return void streams.out.write(HELP)
  const [path, ...more] = positionals
  if (more.length > 0) throw new UsageError(`expected one model, got also '${more.join(' ')}'`)
  const subject = path === undefined ? sampleWeights() : await loadModel(modelPath(path))
  const { devices, missing } = await otherDevices()
  try {
    const results = await verify(subject, devices)
    streams.out.write(
      values.json ? `${JSON.stringify({ ...forPrograms(results), missing })}\n` : forPeople(results, missing),
    )
    for (const { device, firstDivergence } of results) {
      if (firstDivergence === undefined) continue
      const { layer, maxUlp, cosine } = firstDivergence
      throw new Error(`${device.name} diverges first at '${layer}': ${maxUlp} ULP, cosine ${cosine}`)
    }
  } finally {
    for (const device of devices) device.dispose()
  }
}

/** One weight for each layout that devices pack, with a short last group. */
function sampleWeights(): Map<string, Tensor | Encoded> {
  const rng = new Rng(1)
  const matrix = (rows: number, columns: number) => {
    const values = Float32Array.from({ length: rows * columns }, () => rng.normal())
    return new Tensor('float32', values, [rows, columns])
  }
  const weight = matrix(192, 336)
  const half = (x: Tensor) => dense(cast(x, 'float16'))
  const lowRank = product(half(matrix(192, 8)), half(matrix(8, 336)))
  return new Map<string, Tensor | Encoded>([
    ['float32', weight],
    ['float16', half(weight)],
    ['float8', dense(cast(weight, 'float8e4m3fn'))],
    ...[8, 4, 3, 2].map(bits => [`${bits} bits`, quantizeAffine(weight, { bits })] as const),
    ['nf4', nf4(weight)],
    ['4 bits + rank 8', sum(quantizeAffine(weight, { bits: 4, zero: 'float' }), lowRank)],
  ])
}

function forPrograms(results: readonly Verification[]) {
  return {
    devices: results.map(({ device, layers, firstDivergence }) => ({
      device: device.name,
      info: device.info,
      layers,
      firstDivergence: firstDivergence?.layer ?? null,
    })),
  }
}

function forPeople(results: readonly Verification[], missing: readonly MissingDevice[]): string {
  const [first] = results
  const names = first?.layers.map(({ layer }) => layer) ?? []
  const header = ['layer', ...results.flatMap(({ device }) => [`${device.name} max ULP`, 'cosine'])]
  const rows = names.map((name, i) => [
    name,
    ...results.flatMap(({ layers }) => {
      const { maxUlp, cosine, diverges } = layers[i]!
      return [`${maxUlp}${diverges ? ' !' : ''}`, cosine.toFixed(9)]
    }),
  ])
  const verdicts = results.map(({ device, firstDivergence }) =>
    firstDivergence === undefined
      ? `${device.name} agrees with the reference`
      : `${device.name} diverges first at '${firstDivergence.layer}'`,
  )
  const absent = missing.map(({ name, reason }) => `${name} is not here: ${reason}`)
  return `${table(header, rows)}\n${[...verdicts, ...absent].join('\n')}\n`
}
