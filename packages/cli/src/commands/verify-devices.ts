import { stepsLabel } from '@tersor/compress'
import {
  dense,
  type Encoded,
  isEncoded,
  optionsOf,
  product,
  Rng,
  reference,
  sum,
  Tensor,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { type Verification, verify } from '@tersor/eval'
import { loadModel } from '@tersor/models'
import { command, type Terminal } from '../command/command.ts'
import { Finding } from '../command/failure.ts'
import { UsageError } from '../command/usage-error.ts'
import { deviceFlag, type MissingDevice, openDevice, otherDevices } from '../devices.ts'
import { kinds, methods } from '../method-lists.ts'
import { modelPath } from '../model-path.ts'
import { table } from '../terminal/table.ts'

/** Bits a code that the sample weights have, where a method takes a number of them. */
const BITS = [8, 4, 3, 2]

/** `tersor verify-devices`: whether all devices of this machine agree. */
export const verifyDevices = command({
  usage: '[MODEL]',
  summary: 'runs a model, or sample weights, through every device and compares each layer with the reference',
  about:
    'Runs a model, or sample weights of every encoding that devices pack, through each device of this machine and compares every layer with the reference. Fails where one diverges.',
  flags: () => ({
    device: { ...deviceFlag, help: 'only this one; every device of this machine by default' },
  }),
  async run({ values, positionals }, terminal) {
    const [path, ...more] = positionals
    if (more.length > 0) throw new UsageError(`expected one model, got also '${more.join(' ')}'`)
    await compare(path, values.device, values.json === true, terminal)
  },
})

async function compare(
  path: string | undefined,
  only: string | undefined,
  json: boolean,
  { out, signal }: Terminal,
): Promise<void> {
  const subject =
    path === undefined ? await sampleWeights() : await loadModel(modelPath(path), { kinds, signal })
  const { devices, missing } =
    only === undefined ? await otherDevices() : { devices: [await openDevice(only)], missing: [] }
  try {
    const results = await verify(subject, devices, { signal })
    const report = { ...forPrograms(results), missing }
    if (!json) out.write(forPeople(results, missing))
    for (const { device, firstDivergence } of results) {
      if (firstDivergence === undefined) continue
      const { layer, maxUlp, cosine } = firstDivergence
      const message = `${device.name} diverges first at '${layer}': ${maxUlp} ULP, cosine ${cosine}`
      throw new Finding('DIVERGES', message, report)
    }
    if (json) out.write(`${JSON.stringify(report)}\n`)
  } finally {
    for (const device of devices) device.dispose()
  }
}

/** One weight for each layout that devices pack, with a short last group: what every method makes of it that needs no text. */
async function sampleWeights(): Promise<Map<string, Tensor | Encoded>> {
  const rng = new Rng(1)
  const matrix = (rows: number, columns: number) => {
    const values = Float32Array.from({ length: rows * columns }, () => rng.normal())
    return new Tensor('float32', values, [rows, columns])
  }
  const weight = matrix(192, 336)
  const half = (x: Tensor) => dense(cast(x, 'float16'))
  const weights = new Map<string, Tensor | Encoded>([
    ['float32', weight],
    ['float16', half(weight)],
  ])
  const context = { name: 'sample', original: weight, statistics: {}, rng, device: reference }
  for (const method of methods.filter(({ needs }) => needs.length === 0)) {
    const variants = method.options.bits === undefined ? [{}] : BITS.map(bits => ({ bits }))
    for (const given of variants) {
      const options = optionsOf<object>(method.options, given, method.name)
      const label = stepsLabel([{ method: method.name, ...given }], methods)
      weights.set(label, await method.apply(weight, options as never, context))
    }
  }
  const [label, base] = [...weights].find(
    ([, candidate]) => isEncoded(candidate) && candidate.encoding.kind !== 'dense',
  )!
  const lowRank = product(half(matrix(192, 8)), half(matrix(8, 336)))
  weights.set(`${label} + rank 8`, sum(base as Encoded, lowRank))
  return weights
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
