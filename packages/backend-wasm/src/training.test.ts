import { Rng, Tensor } from '@tersor/core-tensor'
import type { PrimitiveSignatures } from '@tersor/core-tensor/host'
import { expect, test } from 'vitest'
import { createWasmDevice, training } from './index.ts'

test('borders that contradict the sizes lead nowhere outside of the tensors', async () => {
  const device = await createWasmDevice({ threads: 1, groups: [training] })
  const rng = new Rng(1)
  const [rows, width, guards] = [20, 8, 64]
  const guarded = () => device.empty('float32', [rows * width + guards])
  const input = () => {
    const values = Float32Array.from({ length: rows * width }, () => rng.normal())
    return device.upload(new Tensor('float32', values, [rows, width]))
  }
  const [q, k, v, o, dO] = [input(), input(), input(), input(), input()]
  for (const borders of [
    [0, 21],
    [-5, 7, 3, 2 ** 31 - 1],
    [20, 0, -(2 ** 31), 40],
    [0, 20, 20, 20],
  ]) {
    const places = device.upload(new Tensor('int32', Int32Array.from(borders), [borders.length]))
    const [forward, dq, dk, dv] = [guarded(), guarded(), guarded(), guarded()]
    const scalars: PrimitiveSignatures['segmentAttention'][2] = [rows, 2, 2, 4, borders.length - 1, 9, 0.5]
    device.primitives.run('segmentAttention', [forward], [q, k, v, places], scalars)
    device.primitives.run('attentionBackward', [dq, dk, dv], [q, k, v, o, dO, places], scalars)
    for (const output of [forward, dq, dk, dv]) {
      const values = output.data as Float32Array
      expect(values.every(Number.isFinite)).toBe(true)
      expect(values.subarray(rows * width)).toEqual(new Float32Array(guards))
    }
  }
  device.dispose()
})
