import { DeviceError, type Memory, reference, type Tensor } from '@tersor/core-tensor'
import { HostDevice, type PrimitiveName, type PrimitiveSignatures } from '@tersor/core-tensor/host'
import { describeDevice } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { codingCases } from './coding-cases.ts'
import { slowDecode } from './slow-rans.ts'

describe('reference', () => describeDevice(() => reference, [codingCases]))

type Primitive<N extends PrimitiveName> = (...given: PrimitiveSignatures[N]) => void

/** A host device whose coding primitives are written for the test, and which has no others. */
class ScriptedDevice extends HostDevice {
  constructor(primitives: { readonly [N in PrimitiveName]?: Primitive<N> }) {
    super(
      'scripted',
      {},
      {
        run: (name, ...given) => (primitives[name] as Primitive<typeof name>)(...given),
        has: name => name in primitives,
        packedBytes: () => 0,
      },
    )
  }

  protected allocate(byteLength: number): Memory {
    let held: Uint8Array | undefined = new Uint8Array(byteLength)
    const bytes = () => {
      if (held === undefined) throw new DeviceError('[ScriptedDevice] this tensor was freed')
      return held
    }
    return {
      device: this,
      byteLength,
      bytes,
      read: async (start, length) => bytes().slice(start, start + length),
      free: () => {
        held = undefined
      },
    }
  }

  dispose(): void {}
}

const bytesIn = (x: Tensor) => x.data as Uint8Array

const ransDecode: Primitive<'ransDecode'> = ([out, status], [stream, frequencies, offsets], scalars) => {
  const [, chunk, size, precision, lanes] = scalars
  const symbols = slowDecode({
    stream: bytesIn(stream),
    frequencies: Array.from(bytesIn(frequencies)),
    offsets: Array.from(bytesIn(offsets)),
    ...{ size, chunk, precision, lanes },
  })
  if (symbols === undefined) status.data[0] = 1
  else bytesIn(out).set(symbols)
}

const unpackBits: Primitive<'unpackBits'> = ([out], [packed], [rows, columns, bits]) => {
  const bytes = bytesIn(packed)
  const rowBytes = rows === 0 ? 0 : bytes.length / rows
  for (let i = 0; i < rows * columns; i++) {
    const start = 8 * rowBytes * Math.floor(i / columns) + (i % columns) * bits
    let code = 0
    for (let bit = start + bits - 1; bit >= start; bit--)
      code = 2 * code + ((bytes[bit >> 3]! >> (bit & 7)) & 1)
    out.data[i] = code
  }
}

describe('a compiled device', () => {
  const device = new ScriptedDevice({ ransDecode, unpackBits })
  describeDevice(() => device, [codingCases])
})

describe('codingCases', () => {
  /** The names of the cases that a device fails. */
  async function failures(primitives: ConstructorParameters<typeof ScriptedDevice>[0]): Promise<string[]> {
    const device = new ScriptedDevice(primitives)
    const failed: string[] = []
    for (const { kernel, name, run } of codingCases) {
      try {
        await run(device)
      } catch {
        failed.push(`${kernel}: ${name}`)
      }
    }
    return failed
  }

  it('fail on a decoder that takes every stream for sound', async () => {
    const trusting: Primitive<'ransDecode'> = (outputs, inputs, scalars) => {
      ransDecode(outputs, inputs, scalars)
      outputs[1].data[0] = 0
    }
    expect(await failures({ ransDecode: trusting, unpackBits })).toEqual([
      'ransDecode: refuses streams that were cut, stretched or moved',
      'ransDecode: refuses frequencies that do not sum to 2^precision',
      'ransDecode: refuses flipped bits, unless they make another sound stream',
      'ransDecode: takes any bytes: states of 0 and 2^32 − 1, words at random, other lanes and chunks',
    ])
  })

  it('fail on a decoder that gets the last symbol of large streams wrong', async () => {
    const careless: Primitive<'ransDecode'> = (outputs, inputs, scalars) => {
      ransDecode(outputs, inputs, scalars)
      const out = bytesIn(outputs[0])
      if (out.length > 300_000) out[out.length - 1]! ^= 1
    }
    expect(await failures({ ransDecode: careless, unpackBits })).toEqual(['ransDecode: a large stream'])
  })

  it('fail where codes of 16 bits lose one, or nothing is done', async () => {
    const narrow: Primitive<'unpackBits'> = (outputs, inputs, scalars) => {
      unpackBits(outputs, inputs, scalars)
      const codes = outputs[0].data
      for (let i = 0; scalars[2] === 16 && i < codes.length; i++) codes[i] = Number(codes[i]) & 0x7fff
    }
    expect((await failures({ ransDecode, unpackBits: narrow })).length).toBe(2)
    const nothing = await failures({ ransDecode: () => {}, unpackBits: () => {} })
    expect(nothing.length).toBeGreaterThan(codingCases.length - 5)
  })
})
