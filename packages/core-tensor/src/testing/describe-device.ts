import { beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../device/device.ts'
import type { Kernels } from '../device/kernels.ts'
import { byteLength, decode } from '../encoded/encoded.ts'
import { affine } from '../encoded/kinds/affine.ts'
import { dense } from '../encoded/kinds/dense.ts'
import { DeviceError, TersorError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { Rng } from '../rng.ts'
import { bytesOf, type DType, dtypeBits } from '../tensor/dtype.ts'
import { Tensor } from '../tensor/tensor.ts'

/** One thing that a kernel must do on every device. */
export interface KernelCase {
  readonly kernel: keyof Kernels
  readonly name: string
  /** For what remote devices need not have: float64, int64, NaN, infinities, subnormals. */
  readonly hostOnly?: boolean | undefined
  /** Uploads, runs and compares; fails by throwing. */
  run(device: Device): void | Promise<void>
}

/**
 * The conformance suite of a device: memory, and every kernel case. It declares vitest suites, so
 * call it at the top of a test file.
 *
 * @param create  makes the device, once
 * @param cases  such as {@link coreCases}, or several of its kind
 *
 * ```ts no-run
 * describeDevice(() => createWasmDevice({ threads: 1 }), [coreCases, codingCases])
 * ```
 */
export function describeDevice(
  create: () => Device | Promise<Device>,
  cases: readonly (KernelCase | readonly KernelCase[])[],
): void {
  let device: Device
  beforeAll(async () => {
    device = await create()
  })

  describe('memory', () => {
    it('comes as zeros', async () => {
      for (const type of Object.keys(dtypeBits) as DType[]) {
        const bytes = await bytesRead(device.empty(type, [3, 5]))
        expect(bytes, type).toEqual(new Uint8Array(bytesOf(type, 15)))
      }
    })

    it('holds what was uploaded, apart from its source', async () => {
      const rng = new Rng(1)
      for (const type of Object.keys(dtypeBits) as DType[]) {
        const bytes = Uint8Array.from({ length: bytesOf(type, 15) }, () => rng.integer(256))
        const source = new Tensor(type, bytes.slice(), [3, 5])
        const uploaded = device.upload(source)
        new Uint8Array(source.data.buffer).fill(0)
        expect(await bytesRead(uploaded), type).toEqual(bytes)
        expect(uploaded.device).toBe(device)
      }
    })

    it('refuses to upload what is no tensor', () => {
      const weight = dense(device.upload(new Tensor('float32', [1, 2], [2])))
      for (const stranger of [undefined, null, 5, 'text', [1, 2], {}, new Float32Array(2), weight])
        expect(() => device.upload(stranger as never)).toThrow(TersorError)
    })

    it('shows rows and other shapes of the same bytes', async () => {
      const x = device.upload(new Tensor('float32', [1, 2, 3, 4, 5, 6], [3, 2]))
      expect([...((await x.rows(1, 3).read()) as Float32Array)]).toEqual([3, 4, 5, 6])
      expect([...((await x.rows(1, 3).reshape([4]).rows(1, 2).read()) as Float32Array)]).toEqual([4])
    })

    it('leaves a scope only in what the scope returns', async () => {
      let lost: Tensor | undefined
      const kept = device.scope(() => {
        lost = device.empty('float32', [4])
        const inner = device.scope(() => [device.upload(new Tensor('float32', [7], [1]))])
        return { inner, view: cast(device.upload(new Tensor('float32', [8, 9], [2])), 'float16').rows(1, 2) }
      })
      expect([...((await kept.inner[0]!.read()) as Float32Array)]).toEqual([7])
      expect(await bytesRead(kept.view)).toEqual(new Uint8Array([0x80, 0x48]))
      await expect((async () => lost!.read())()).rejects.toThrow(DeviceError)
    })

    it('packs a weight and unpacks the same bytes', async () => {
      const rng = new Rng(2)
      const bytes = (length: number) => Uint8Array.from({ length }, () => rng.integer(256))
      const codes = device.upload(new Tensor('uint8', bytes(6 * 10), [6, 10]))
      const scale = device.upload(
        new Tensor(
          'float32',
          Float32Array.from({ length: 18 }, () => rng.uniform()),
          [6, 3],
        ),
      )
      const weight = affine({ codes, scale }, { dims: [6, 20], bits: 4, group: 8, axis: 1 })
      const back = device.unpack(device.pack(weight))
      expect(byteLength(back)).toBe(byteLength(weight))
      expect(await bytesRead(back.parts.codes as Tensor)).toEqual(await bytesRead(codes))
      expect(await bytesRead(back.parts.scale as Tensor)).toEqual(await bytesRead(scale))
      expect(await bytesRead(decode(device.pack(weight)))).toEqual(await bytesRead(decode(weight)))
    })
  })

  for (const [kernel, group] of grouped(cases.flat())) {
    describe(kernel, () => {
      for (const { name, hostOnly = false, run } of group) {
        it(name, async context => {
          context.skip(hostOnly && !device.host, 'only host devices promise this')
          await run(device)
        })
      }
    })
  }
}

function grouped(cases: readonly KernelCase[]): Map<string, KernelCase[]> {
  const groups = new Map<string, KernelCase[]>()
  for (const each of cases) groups.set(each.kernel, [...(groups.get(each.kernel) ?? []), each])
  return groups
}

async function bytesRead(x: Tensor): Promise<Uint8Array> {
  const data = await x.read()
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
