import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { type Device, sizeOf } from '@tersor/core-tensor'
import { type Decoder, loadModel, openModel, withOutliers } from '@tersor/models'
import { evaluateTasks, type TaskName } from '@tersor/tasks'
import { tinyLm, tinyLmMini, tinyLmMoe } from '@tersor/tiny-lm'
import { describe, expect, it } from 'vitest'

const parametersOf = (model: Decoder) =>
  [...model.weights.values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0)

async function scored(folder: URL, device: Device, tasks: readonly TaskName[], n: number) {
  const file = await openModel(fileURLToPath(folder))
  const model = await loadModel(file, { device })
  const scores = await evaluateTasks(model, (await file.openTokenizer())!, { tasks, n })
  model.dispose()
  await file.close()
  return scores
}

describe('the bundled models', () => {
  it.each([
    ['tiny-lm', tinyLm, 1.5e6, 2e6],
    ['tiny-lm-mini', tinyLmMini, 0.3e6, 0.5e6],
    ['tiny-lm-moe', tinyLmMoe, 1.5e6, 2e6],
  ] as const)('%s has the size that its card says', async (_, folder, least, most) => {
    const file = await openModel(fileURLToPath(folder))
    const model = await loadModel(file)
    expect(parametersOf(model)).toBeGreaterThan(least)
    expect(parametersOf(model)).toBeLessThan(most)
    expect(file.fileBytes).toBeLessThan(4e6)
    expect(model.config.contextLength).toBe(1024)
    await file.close()
  })

  it('recall, copy, reverse, add, close brackets and follow stories as their card says, on every device', async () => {
    const least = {
      ...{ 'needle-256': 0.95, copy: 0.9, reverse: 0.95, 'addition-2': 0.95 },
      ...{ brackets: 0.9, entity: 0.65 },
    } as const
    const tasks = Object.keys(least) as (keyof typeof least)[]
    const devices = [await createWasmDevice(), ...(nativeAvailable() ? [await createNativeDevice()] : [])]
    const scores = []
    for (const device of devices) {
      scores.push(await scored(tinyLm, device, tasks, 60))
      device.dispose()
    }
    for (const { tasks: found, answerNats } of scores) {
      for (const task of tasks) expect(found[task]!.accuracy, task).toBeGreaterThan(least[task])
      expect(Math.abs(answerNats - scores[0]!.answerNats)).toBeLessThan(1e-3)
    }
  }, 120_000)

  it('route each token to two of four experts in the mixture', async () => {
    const device = await createWasmDevice()
    const { answerNats } = await scored(tinyLmMoe, device, ['needle-256', 'copy'], 20)
    device.dispose()
    // Guessing among 1,024 tokens gives 6.9.
    expect(answerNats).toBeLessThan(4)
    const { config } = await loadModel(fileURLToPath(tinyLmMoe))
    const networks = config.layers.map(({ branches }) => branches[1]!.op)
    for (const network of networks) expect(network).toMatchObject({ experts: { count: 4, perToken: 2 } })
  })

  it('learn more from a teacher than alone, in the mean of three seeds', () => {
    const runs = JSON.parse(readFileSync(new URL('../siblings.json', tinyLm), 'utf8')) as {
      kind: string
      seed: number
      loss: number
    }[]
    const mean = (kind: string) => {
      const chosen = runs.filter(run => run.kind === kind)
      expect(new Set(chosen.map(run => run.seed)).size).toBe(3)
      return chosen.reduce((sum, { loss }) => sum + loss, 0) / 3
    }
    expect(mean('taught')).toBeLessThan(mean('alone'))
  })

  it('compute the same with outliers', async () => {
    const model = await loadModel(fileURLToPath(tinyLm))
    const hard = withOutliers(model, { channels: 6, factor: 64, seed: 1 })
    const tokens = Int32Array.of(1, 300, 301, 302, 303)
    const [a, b] = await Promise.all(
      [model, hard].map(async each => {
        const { logits } = await each.forward(tokens, { cache: each.createCache(), logits: 'all' })
        return logits!.data as Float32Array
      }),
    )
    const largest = Math.max(...a!.map(Math.abs))
    expect(Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)))).toBeLessThan(1e-4 * largest)
  })
})
