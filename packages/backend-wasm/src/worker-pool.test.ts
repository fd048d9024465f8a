import type { Worker } from 'node:worker_threads'
import { DeviceError, Tensor } from '@tersor/core-tensor'
import { matmul } from '@tersor/core-tensor/reference'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createWasmDevice, type WasmDevice } from './index.ts'
import { LostWorkerError, WorkerPool } from './worker-pool.ts'

const threads = process.getBuiltinModule('node:worker_threads')
const { Worker: NodeWorker } = threads
let made: Worker[] = []

beforeEach(() => {
  made = []
  threads.Worker = class extends NodeWorker {
    constructor(...args: ConstructorParameters<typeof NodeWorker>) {
      super(...args)
      made.push(this)
    }
  }
})
afterEach(() => {
  threads.Worker = NodeWorker
})

const SIZE = 256

/** A product that is large enough for threads; every element of it is SIZE. */
function multiply(device: WasmDevice): Float32Array {
  return device.scope(() => {
    const ones = device.upload(new Tensor('float32', new Float32Array(SIZE * SIZE).fill(1), [SIZE, SIZE]))
    return (matmul(ones, ones).data as Float32Array).slice()
  })
}

const expected = new Float32Array(SIZE * SIZE).fill(SIZE)

describe('WorkerPool', () => {
  it('joins when it is up, and calls before that are whole all the same', async () => {
    const device = await createWasmDevice({ threads: 3 })
    expect(made).toHaveLength(0)
    expect(multiply(device)).toEqual(expected)
    expect(made).toHaveLength(2)
    expect(await device.startThreads()).toBe(3)
    for (let i = 0; i < 20; i++) expect(multiply(device)).toEqual(expected)
    device.dispose()
  })

  it('goes on with fewer threads when a worker ends between calls', async () => {
    const device = await createWasmDevice({ threads: 3 })
    await device.startThreads()
    await made[0]!.terminate()
    expect(multiply(device)).toEqual(expected)
    expect(await device.startThreads()).toBe(2)
    await made[1]!.terminate()
    expect(multiply(device)).toEqual(expected)
    expect(await device.startThreads()).toBe(1)
    device.dispose()
  })

  it('ends in a result or a DeviceError when a worker ends during a call', async () => {
    for (let round = 0; round < 5; round++) {
      const device = await createWasmDevice({ threads: 2 })
      await device.startThreads()
      for (let i = 0; i < round; i++) multiply(device)
      const ended = made.at(-1)!.terminate()
      try {
        expect(multiply(device)).toEqual(expected)
      } catch (error) {
        expect(error).toBeInstanceOf(DeviceError)
        expect(await device.lost).toBe(error)
      }
      await ended
      device.dispose()
    }
  })

  it('works in memories that are made later', async () => {
    const device = await createWasmDevice({ threads: 2, arenaBytes: 8 << 20 })
    await device.startThreads()
    const kept = Array.from({ length: 5 }, () => device.empty('uint8', [6 << 20]))
    for (let i = 0; i < 10; i++) expect(multiply(device)).toEqual(expected)
    expect(kept).toHaveLength(5)
    device.dispose()
  })

  it('gives a worker up that does not come back', async () => {
    // (module (import "env" "memory" (memory 1 1 shared)) (func (export "spin") (param i32 i32) (loop (br 0))))
    const module = new WebAssembly.Module(
      Uint8Array.of(
        ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 0x60, 2, 0x7f, 0x7f, 0],
        ...[2, 16, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 3, 1, 1, 3, 2, 1, 0],
        ...[7, 8, 1, 4, 115, 112, 105, 110, 0, 0, 10, 9, 1, 7, 0, 3, 0x40, 0x0c, 0, 0x0b, 0x0b],
      ),
    )
    const pool = new WorkerPool(1, [module], ['spin'], 100)
    pool.share(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }))
    await pool.start()
    expect(pool.ready).toBe(1)
    // Slow enough for the worker to take its part.
    const slow = () => {
      const end = performance.now() + 50
      while (performance.now() < end);
    }
    expect(() => pool.run(0, 0, slow, [], 2)).toThrow(LostWorkerError)
    pool.dispose()
  })

  it('tells when a kernel fails in this thread or in a worker', async () => {
    // As above, with (func (export "trap") (param i32 i32) unreachable).
    const module = new WebAssembly.Module(
      Uint8Array.of(
        ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 0x60, 2, 0x7f, 0x7f, 0],
        ...[2, 16, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 3, 1, 1, 3, 2, 1, 0],
        ...[7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 0x0b],
      ),
    )
    const pool = new WorkerPool(1, [module], ['trap'])
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    pool.share(memory)
    await pool.start()
    const slow = () => {
      const end = performance.now() + 50
      while (performance.now() < end);
    }
    expect(() => pool.run(0, 0, slow, [], 2)).toThrow(DeviceError)
    const { trap } = new WebAssembly.Instance(module, { env: { memory } }).exports as { trap: () => void }
    expect(() => pool.run(0, 0, trap, [], 1)).toThrow(/a kernel failed/)
    pool.dispose()
  })
})
