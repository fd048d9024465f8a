import { fileURLToPath } from 'node:url'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { evaluate } from '@tersor/eval'
import { loadModel, openModel } from '@tersor/models'
import { tinyLm } from '@tersor/tiny-lm'
import { describe, expect, it } from 'vitest'
import { storyWindows, trainingWindows } from './story-text.ts'

describe('trainingWindows', () => {
  it('are the kind of text that the bundled model knows: one document each, not several joined', async () => {
    const device = await (nativeAvailable() ? createNativeDevice() : createWasmDevice())
    const file = await openModel(fileURLToPath(tinyLm))
    const tokenizer = (await file.openTokenizer())!
    const model = await loadModel(file, { device })
    const windows = trainingWindows(tokenizer, { tokens: 8_000, seed: 1, contextLength: 1024 })
    expect(
      windows.every(tokens => tokens[0] === tokenizer.bos && tokens.indexOf(tokenizer.bos!, 1) < 0),
    ).toBe(true)
    const natsOf = async (texts: readonly Int32Array[]) =>
      (
        await evaluate(
          model,
          texts.map(tokens => ({ tokens, from: 1 })),
        )
      ).nats.mean
    const joined = windows.flatMap((_, i) =>
      i % 6 > 0
        ? []
        : [
            Int32Array.of(
              tokenizer.bos!,
              ...windows.slice(i, i + 6).flatMap(tokens => [...tokens.subarray(1)]),
            ),
          ],
    )
    const [apart, together] = [await natsOf(windows), await natsOf(joined)]
    console.log(
      `tiny-lm on its families: ${apart.toFixed(2)} nats one document a window, ${together.toFixed(2)} joined`,
    )
    expect(apart).toBeLessThan(1.25)
    expect(together).toBeGreaterThan(2 * apart)
    model.dispose()
    device.dispose()
    await file.close()
  })
})

describe('storyWindows', () => {
  it('fit the context, and begin each story anew', async () => {
    const file = await openModel(fileURLToPath(tinyLm))
    const tokenizer = (await file.openTokenizer())!
    await file.close()
    const { windows, bytes } = storyWindows(tokenizer, { tokens: 2_000, seed: 1, contextLength: 300 })
    const texts = windows.map(({ tokens, from }) => {
      expect([tokens[0], from]).toEqual([tokenizer.bos, 1])
      expect(tokens.length).toBeLessThanOrEqual(300)
      return tokenizer.decode(tokens.subarray(1))
    })
    expect(windows.reduce((sum, { tokens }) => sum + tokens.length - 1, 0)).toBeGreaterThanOrEqual(2_000)
    expect(bytes).toBe(new TextEncoder().encode(texts.join('')).length)
  })
})
