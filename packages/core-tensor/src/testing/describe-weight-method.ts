import { beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../device/device.ts'

import { byteLength, decode, type Encoded, type Encoding, isEncoded, type Json } from '../encoded/encoded.ts'
import { rowLeaves } from '../encoded/row-leaves.ts'
import { transfer } from '../encoded/transfer.ts'
import { NumericalError, TersorError } from '../errors.ts'
import type { LayerContext, WeightMethod, WeightPlan } from '../method.ts'
import { type Option, optionsOf } from '../option-table.ts'
import { Rng } from '../rng.ts'
import { toFloat32 } from '../tensor/convert.ts'
import { reference, Tensor } from '../tensor/tensor.ts'
import { describeEncoding } from './describe-encoding.ts'
import { fingerprint } from './fingerprint.ts'
import { GrowingDevice } from './growing-device.ts'
import { gramOf, layerInputs, normals, outputError } from './layer-fixtures.ts'
import { remoteDevice } from './remote-device.ts'

/** A method with some options, and what is known of it on a weight of (24, 96) standard normal numbers. */
export interface WeightMethodRow {
  readonly options?: object | undefined
  /** What makes the start, for methods that need one. */
  readonly after?: MethodWithOptions | undefined
  /** Bits a weight with all metadata, to a thousandth. */
  readonly bitsPerWeight: number
  /** What the output loses on inputs that it was not calibrated on, at least and at most: neither the identity nor noise passes. */
  readonly loses: readonly [atLeast: number, atMost: number]
  /** A weaker method that takes as many bytes, and what share of its loss is left at most. */
  readonly beats?: (MethodWithOptions & { readonly by: number }) | undefined
}

export interface MethodWithOptions {
  readonly method: WeightMethod
  readonly options?: object | undefined
  readonly after?: MethodWithOptions | undefined
}

export interface WeightMethodSuite {
  /** Host devices beside those of the suite on which the same bytes have to come out. */
  readonly devices?: (() => Promise<readonly Device[]>) | undefined
}

const [ROWS, COLUMNS] = [24, 96]
/** ‖Ŵ − W‖ / ‖W‖ of the sample that goes through the suite of encodings, whose own bound is the row's. */
const ANY_ERROR = 1

/**
 * The conformance suite of a weight method: every row through the suite of encodings, with its stated bits and losses, better than
 * its weaker method, the same bytes on every host device; bad weights, statistics and options refused by name.
 *
 * @param rows  at least one
 *
 * ```ts no-run
 * describeWeightMethod(rtnMethod, [{ options: { bits: 4 }, bitsPerWeight: 5.1, loses: [0.005, 0.02] }])
 * ```
 */
export function describeWeightMethod(
  method: WeightMethod,
  rows: readonly WeightMethodRow[],
  { devices = async () => [] }: WeightMethodSuite = {},
): void {
  describe(`${method.name}, as a method`, () => {
    it('is a frozen card named like its file', () => {
      expect(Object.isFrozen(method)).toBe(true)
      expect(method.name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
      expect(Number.isSafeInteger(method.version) && method.version > 0).toBe(true)
      expect(method.summary).toMatch(/^\S.{10,}$/)
      for (const [name, option] of Object.entries(method.options)) {
        expect(option.help, name).toMatch(/^\S.+\S$/)
        expect(optionsOf({ [name]: unconditional(option) }, {}, 'default')).toEqual({
          [name]: option.default,
        })
      }
    })

    for (const row of rows) describeRow(method, row, devices)

    const [first] = rows as readonly [WeightMethodRow]
    const run = (weight: Tensor, change: Change = {}) => apply({ method, ...first }, weight, change)

    it.each([
      ['NaN', Number.NaN],
      ['infinity', Number.POSITIVE_INFINITY],
    ])('refuses a weight with %s', async (_, value) => {
      const weight = normals([ROWS, COLUMNS], 1)
      weight.data[17] = value
      const start = method.needs.includes('start')
        ? await startOf(first, normals([ROWS, COLUMNS], 1))
        : weight
      await expect(run(weight, { start })).rejects.toThrow(NumericalError)
    })

    it('refuses a scalar, and what is no tensor', async () => {
      await expect(run(new Tensor('float32', [1], []))).rejects.toThrow(TersorError)
      for (const nothing of [undefined, null, 3, [1, 2], 'w']) {
        await expect(
          (async () =>
            method.apply(
              nothing as never,
              filled(method, first.options),
              context(method, nothing as never),
            ))(),
          String(nothing),
        ).rejects.toThrow(TersorError)
      }
    })

    it('refuses a weight that JavaScript cannot see', async () => {
      const device = remoteDevice()
      const remote = await transfer(normals([ROWS, COLUMNS], 1), device)
      await expect(
        (async () => method.apply(remote, filled(method, first.options), context(method, remote)))(),
      ).rejects.toThrow(TersorError)
    })

    it('takes empty, odd and lonely shapes', async () => {
      for (const dims of [
        [0, 8],
        [1, 1],
        [5, 37],
        [37, 3],
      ]) {
        const weight = normals(dims, 3)
        const small = await run(weight)
        expect(small.dims, `[${dims}]`).toEqual(dims)
        expect(toFloat32(decode(small)).every(Number.isFinite)).toBe(true)
      }
    })

    it('plans what it takes', async context => {
      context.skip(method.plan === undefined, 'it has no plan')
      for (const dims of [
        [1, 1],
        [5, 37],
        [ROWS, COLUMNS],
      ]) {
        for (const row of rows) {
          const plan = planOf({ method, ...row }, dims)!
          const taken = byteLength(await apply({ method, ...row }, normals(dims, 4)))
          expect(plan.bytes, nameOf(row)).toBeGreaterThanOrEqual(taken)
          if (plan.exact) expect(plan.bytes, nameOf(row)).toBe(taken)
          expect(plan.peak).toBeGreaterThan(plan.bytes)
        }
      }
    })

    it('stops when it is told to', async context => {
      const signal = AbortSignal.abort(new Error('stop'))
      const weight = normals([ROWS, COLUMNS], 1)
      const start = await startOf(first, weight)
      const result = method.apply(start, filled(method, first.options), { ...layer(method, weight), signal })
      context.skip(!(result instanceof Promise), 'one synchronous pass')
      await expect(result).rejects.toThrow('stop')
    })

    it('names every option that is out of bounds', () => {
      for (const [name, option] of Object.entries(method.options)) {
        for (const wrong of outOfBounds(option)) {
          const given = {
            ...Object.fromEntries(option.when === undefined ? [] : [option.when]),
            [name]: wrong,
          }
          expect(() => filled(method, given), `${name}: ${wrong}`).toThrow(
            new RegExp(`expected ${name} to be`),
          )
        }
      }
      expect(() => filled(method, { colour: 1 })).toThrow(/got colour/)
    })

    it('refuses statistics of another layer', async context => {
      context.skip(!method.needs.includes('gram'), 'it needs none')
      const weight = normals([ROWS, COLUMNS], 1)
      const start = await startOf(first, weight)
      for (const gram of [
        gramOf(layerInputs(COLUMNS - 1, 1)),
        new Tensor('float64', new Float64Array(COLUMNS), [COLUMNS]),
      ]) {
        const other = { ...layer(method, weight), statistics: { ...layer(method, weight).statistics, gram } }
        await expect(
          (async () => method.apply(start, filled(method, first.options), other))(),
        ).rejects.toThrow(TersorError)
      }
      const broken = gramOf(layerInputs(COLUMNS, 1))
      broken.data[5] = Number.NaN
      const other = {
        ...layer(method, weight),
        statistics: { ...layer(method, weight).statistics, gram: broken },
      }
      await expect((async () => method.apply(start, filled(method, first.options), other))()).rejects.toThrow(
        NumericalError,
      )
    })
  })
}

function describeRow(
  method: WeightMethod,
  row: WeightMethodRow,
  devices: () => Promise<readonly Device[]>,
): void {
  const own: MethodWithOptions = { method, ...row }
  const weight = normals([ROWS, COLUMNS], 1)
  const unseen = layerInputs(COLUMNS, 50)
  describe(nameOf(row), () => {
    let small: Encoded
    beforeAll(async () => {
      small = await apply(own, weight)
    })

    describeEncoding('its result', async () => ({
      original: weight,
      encoded: await apply(own, weight),
      bound: ANY_ERROR,
    }))

    it('takes the stated bits', () => {
      expect(((8 * byteLength(small)) / (ROWS * COLUMNS)).toFixed(3)).toBe(row.bitsPerWeight.toFixed(3))
    })

    it('loses as much as it says on inputs that it never saw', () => {
      const loss = outputError(unseen, weight, small)
      expect(loss).toBeGreaterThanOrEqual(row.loses[0])
      expect(loss).toBeLessThanOrEqual(row.loses[1])
    })

    it('beats a weaker method at the same bytes', async context => {
      context.skip(row.beats === undefined, 'none is named')
      const { by, ...weaker } = row.beats!
      const other = await apply(weaker, weight)
      expect(byteLength(small)).toBeLessThanOrEqual(byteLength(other))
      expect(outputError(unseen, weight, small) / outputError(unseen, weight, other)).toBeLessThanOrEqual(by)
    })

    it('gives for slices what it gives for the whole', async context => {
      context.skip(
        stepsOf(own).some(step => stepOf(step, weight.dims) === undefined),
        'it ties rows together',
      )
      // Two, so that numbers of 4 bits fill whole bytes.
      const step = Math.max(2, ...stepsOf(own).map(each => stepOf(each, weight.dims)!))
      // The scales of some rows are of another size, so that slices have to agree.
      const tall = normals([2 * step + 2, COLUMNS], 6)
      for (let i = 0; i < COLUMNS; i++) tall.data[i] = (i % 5) * 2 ** 20
      for (let i = tall.size - COLUMNS; i < tall.size; i++) tall.data[i] = 0
      const slices = [0, step, 2 * step].map(start => tall.rows(start, Math.min(start + step, tall.dims[0]!)))
      const agreed = new Map<WeightMethod, Json | undefined>()
      for (let pass = 0; pass < 3; pass++) for (const slice of slices) await applySteps(own, slice, agreed)
      const whole = rowLeaves(await apply(own, tall))!
      const parts = await Promise.all(
        slices.map(async slice => rowLeaves(await applySteps(own, slice, agreed))!),
      )
      for (const [i, { place, tensor, ofRows }] of whole.entries()) {
        expect(parts.map(leaves => leaves[i]?.place)).toEqual(slices.map(() => place))
        const bytes = parts.map(leaves => Buffer.from(bytesIn(leaves[i]!.tensor)).toString('hex'))
        expect(ofRows ? bytes.join('') : bytes[0], place).toBe(Buffer.from(bytesIn(tensor)).toString('hex'))
      }
    })

    it('is made of the kinds that it names', () => {
      const named = stepsOf(own).flatMap(step => step.method.kinds)
      for (const kind of kindsOf(small)) expect(named, kind.kind).toContain(kind)
    })

    it('stores the same bytes again, from plain numbers and on every host device', async () => {
      const expected = await fingerprint(small)
      expect(await fingerprint(await apply(own, weight))).toBe(expected)
      for (const device of [new GrowingDevice(), ...(await devices())]) {
        const there = await apply(own, await transfer(weight, device), { device })
        expect(await fingerprint(there), device.name).toBe(expected)
        device.dispose()
      }
    })
  })
}

/** Of one method. */
function stepOf({ method, options }: MethodWithOptions, dims: readonly number[]): number | undefined {
  return method.rowwise?.step(dims, filled(method, options))
}

/** Runs a method and those before it on a slice, and notes what slices agree on. */
async function applySteps(
  row: MethodWithOptions,
  slice: Tensor,
  agreed: Map<WeightMethod, Json | undefined>,
): Promise<Encoded> {
  let result: Tensor | Encoded = slice
  for (const { method, options } of stepsOf(row)) {
    const context = { ...layer(method, slice), agreed: agreed.get(method) }
    result = await method.apply(result, filled(method, options), context)
    agreed.set(method, method.rowwise?.agree?.(result as Encoded, agreed.get(method)))
  }
  return result as Encoded
}

function bytesIn({ data, byteLength: length }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, length)
}

interface Change {
  /** In the place of what `after` would make. */
  readonly start?: Tensor | Encoded | undefined
  readonly device?: Device | undefined
}

/** Runs a method, after the one that makes its start, on statistics of inputs of its own. */
async function apply(row: MethodWithOptions, weight: Tensor, change: Change = {}): Promise<Encoded> {
  const start = change.start ?? (await startOf(row, weight, change))
  return row.method.apply(start, filled(row.method, row.options), layer(row.method, weight, change.device))
}

async function startOf(
  row: Pick<MethodWithOptions, 'after'>,
  weight: Tensor,
  change: Change = {},
): Promise<Tensor | Encoded> {
  return row.after === undefined ? weight : apply(row.after, weight, { device: change.device })
}

/** A method with those that make its start, the first of them first. */
function stepsOf(row: MethodWithOptions): MethodWithOptions[] {
  return [...(row.after === undefined ? [] : stepsOf(row.after)), row]
}

function planOf(row: MethodWithOptions, dims: readonly number[]): WeightPlan | undefined {
  return stepsOf(row).reduce<WeightPlan | undefined>(
    (start, { method, options }) => method.plan?.({ dims, type: 'float32' }, filled(method, options), start),
    undefined,
  )
}

function filled(method: WeightMethod, options: object = {}): object {
  return optionsOf(method.options, options, method.name)
}

function layer(method: WeightMethod, weight: Tensor, device: Device = reference): LayerContext {
  const columns = weight.dims?.at(-1) ?? 0
  const x = layerInputs(columns, 10)
  const statistics = method.needs.includes('gram') ? { gram: device.upload(gramOf(x)) } : {}
  return { name: 'weight', original: weight, statistics, rng: new Rng(1), device }
}

function context(method: WeightMethod, weight: Tensor): LayerContext {
  return { ...layer(method, normals([ROWS, COLUMNS], 1)), original: weight }
}

function kindsOf(e: Tensor | Encoded): Encoding[] {
  return isEncoded(e) ? [e.encoding, ...Object.values(e.parts).flatMap(kindsOf)] : []
}

function outOfBounds(option: Option): unknown[] {
  switch (option.is) {
    case 'whole':
      return [option.min - 1, ...(option.max === undefined ? [] : [option.max + 1]), option.min + 0.5, 'many']
    case 'number':
      return [option.min - 1, option.max + 1, Number.NaN, 'much']
    case 'flag':
      return [1, 'yes']
    case 'choice':
      return ['none of them', 3]
  }
}

/** What a row is called: its options, and what its start is made with. */
function nameOf({ options = {}, after }: Pick<WeightMethodRow, 'options' | 'after'>): string {
  const start =
    after === undefined ? '' : ` after ${after.method.name} ${JSON.stringify(after.options ?? {})}`
  return `${JSON.stringify(options)}${start}`
}

function unconditional({ when: _, ...option }: Option): Option {
  return option as Option
}
