import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice, training } from '@tersor/backend-wasm'
import { loadModel } from '@tersor/models'
import { BpeEncoder } from 'tiny-lm-corpus'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { recipes } from './recipe.ts'
import { type TrainModelOptions, trainModel } from './train-model.ts'

const tokenizer = new URL('../../../../packages/tiny-lm/model/tokenizer.json', import.meta.url)
const encoder = new BpeEncoder(JSON.parse(readFileSync(tokenizer, 'utf8')))
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-train-'))
})
afterAll(() => rm(folder, { recursive: true }))

const options = async (name: keyof typeof recipes, steps: number): Promise<TrainModelOptions> => ({
  ...{ name, recipe: recipes[name], encoder, steps, seed: 1 },
  device: await (nativeAvailable() ? createNativeDevice() : createWasmDevice({ groups: [training] })),
  folder: join(folder, name),
  heldOutWindows: 8,
  say() {},
})

it('trains the bundled model for twenty steps, with a falling loss', { timeout: 900_000 }, async () => {
  const given = await options('model', 20)
  const { curve, validation } = await trainModel(given)
  const losses = curve.map(({ loss }) => loss)
  // From ln 1024 = 6.93, where every token is equally likely.
  expect(losses).toHaveLength(2)
  expect(losses[0]).toBeGreaterThan(6)
  expect(losses[0]).toBeLessThan(Math.log(1024))
  expect(losses[1]).toBeLessThan(losses[0]! - 0.5)
  expect(validation!.loss).toBeLessThan(5.9)
  const model = await loadModel(given.folder)
  expect(model.config).toEqual(recipes.model.config)
  expect(model.config.layers).toHaveLength(8)
  given.device.dispose()
})

it('lets a small one learn from it', { timeout: 300_000 }, async () => {
  const given = await options('mini', 2)
  const teacher = join(folder, 'model')
  if (!existsSync(teacher)) return expect.fail('the run before has left no teacher')
  const log = await trainModel({ ...given, teacher })
  expect(log.teacher).toBe(teacher)
  await expect(trainModel(given)).rejects.toThrow('choose another folder')
  given.device.dispose()
})
