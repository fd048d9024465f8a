import { ransDecode, ransEncode } from '@tersor/codec'
import { type Device, Tensor } from '@tersor/core-tensor'
import type { KernelBench } from '../kernel-bench.ts'
import { normalNumbers } from '../random.ts'
import type { Work } from '../work.ts'

const SYMBOLS = 2 ** 24
/** Of which bytes have an entropy of 6.7 bits: log2(σ √(2πe)). */
const SIGMA = 25.2

/** Bytes as of quantised weights. ONNX Runtime has nothing to compare it with. */
export function ransDecodeBench(): KernelBench {
  const numbers = normalNumbers(SYMBOLS, 5000)
  const symbols = Uint8Array.from(numbers, value =>
    Math.max(0, Math.min(255, Math.round(128 + SIGMA * value))),
  )
  const { stream, frequencies, offsets, ...layout } = ransEncode(new Tensor('uint8', symbols, [SYMBOLS]))
  const ours = (device: Device): Work => {
    const parts = {
      frequencies: device.upload(frequencies),
      offsets: device.upload(offsets),
      out: device.empty('uint8', [SYMBOLS]),
    }
    const coded = device.upload(stream)
    const run = () => ransDecode(coded, { ...layout, ...parts })
    return {
      calls: 1,
      run,
      result() {
        const decoded = run().data as Uint8Array
        const wrong = decoded.findIndex((symbol, i) => symbol !== symbols[i])
        if (wrong >= 0) throw new Error(`[rans-decode] symbol ${wrong} is wrong on ${device.name}`)
        return Float32Array.from(decoded.subarray(0, 4096))
      },
    }
  }
  return { name: 'rans-decode', bytes: SYMBOLS, tolerance: 0, ours, peers: [] }
}
