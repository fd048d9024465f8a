// A compressed tensor in a safetensors file: written as a stream, reopened lazily, read by plain tools.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { byteLength, decode, linear, Rng, Tensor } from '@tersor/core-tensor'
import { createSafetensorsWriter, loadEncoded, openSafetensors, weightNames } from '@tersor/formats'
import { rtn } from '@tersor/quantize'

const rng = new Rng(1)
const normals = (m: number, n: number) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: m * n }, () => rng.normal()),
    [m, n],
  )
const weight = normals(256, 512)
const bias = normals(1, 256)
const small = rtn(weight, { bits: 4 })

const folder = await mkdtemp(join(tmpdir(), 'tersor-'))
try {
  const path = join(folder, 'model.safetensors')
  const writer = await createSafetensorsWriter(path)
  await writer.write('layer.weight', small)
  await writer.write('layer.bias', bias)
  const { fileBytes } = await writer.finish({ format: 'pt' })
  const before = weight.byteLength + bias.byteLength
  console.log(`${before} bytes of tensors are a file of ${fileBytes} bytes\n`)

  // Opening reads the header; each tensor costs its own bytes when it is asked for.
  const file = await openSafetensors(path)
  console.log('What every safetensors tool sees:')
  for (const [name, { dtype, dims, byteLength: bytes }] of file.tensors) {
    console.log(`  ${name.padEnd(20)} ${dtype.padEnd(4)} ${`[${dims}]`.padEnd(10)} ${bytes} bytes`)
  }

  console.log(`\nWhat Tersor sees: ${weightNames(file).join(', ')}`)
  const again = await loadEncoded(file, 'layer.weight')
  console.log(`  layer.weight is '${again.encoding.kind}', ${byteLength(again)} bytes, meta`, again.meta)
  const [row, original] = [again, small].map(e => decode(e, { rows: [7, 8] }).data)
  console.log(`  row 7 is what was saved: ${row!.every((value, i) => value === original![i])}`)
  console.log(`  linear gives [${linear(normals(3, 512), again).dims}] without decoding it whole`)
  await file.close()
} finally {
  await rm(folder, { recursive: true })
}
