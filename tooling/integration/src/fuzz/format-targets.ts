import { decode, isEncoded, sizeOf } from '@tersor/core-tensor'
import {
  loadWeight,
  openGguf,
  openLlama2c,
  openNpz,
  openSafetensors,
  openSafetensorsIndex,
  readNpy,
  weightInfo,
  weightNames,
  writeNpz,
} from '@tersor/formats'
import { openOnnx } from '@tersor/formats/onnx'
import { ggufTokenizer } from '@tersor/models'
import { zipBytes } from '../../../../packages/formats/testing/zip-bytes.ts'
import { MAX_DECODED, readAll, readEach } from './read-each.ts'
import { real } from './real-files.ts'
import {
  ARRAYS,
  encodedFiles,
  ggufFiles,
  llama2cFile,
  npyFiles,
  onnxFiles,
  smallSafetensors,
  text,
} from './small-files.ts'
import type { FuzzTarget } from './target.ts'

/** Readers of files of tensors. */
export async function formatTargets(): Promise<readonly FuzzTarget[]> {
  return [
    {
      name: 'safetensors',
      seeds: [...smallSafetensors(), ...real('cases-real-files', 'model.safetensors')],
      expansion: 1,
      async read(file) {
        const opened = await openSafetensors(file)
        for (const name of opened.tensors.keys()) await opened.readBytes(name)
        await readAll(opened, opened.read)
      },
    },
    { name: 'encoded weights', seeds: encodedFiles(), expansion: 2048, read: readEncoded },
    {
      name: 'safetensors index',
      seeds: [
        text({ metadata: { total_size: 24 }, weight_map: { a: '1.safetensors', b: './deep/2.safetensors' } }),
      ],
      expansion: 64,
      async read(file) {
        const [shard] = smallSafetensors()
        const opened = await openSafetensorsIndex(file, { open: () => shard! })
        await readAll(opened, opened.read)
      },
    },
    {
      name: 'GGUF',
      seeds: [...ggufFiles(), ...real('cases-real-files', '.gguf')],
      expansion: 64,
      async read(file) {
        const opened = await openGguf(file, { open: () => file })
        await readAll(opened, opened.read)
        await readAll(opened, async name => {
          const weight = await opened.load(name)
          if (sizeOf(weight.dims) < MAX_DECODED) decode(weight)
        })
        await openGguf(await opened.metadataFile())
        ggufTokenizer(opened.metadata, opened.notUtf8).encode('a b')
      },
    },
    {
      name: 'ONNX',
      seeds: [...onnxFiles(), ...real('golden-onnx-quant', 'model.onnx').slice(0, 24)],
      expansion: 64,
      async read(file) {
        const opened = await openOnnx(file, { open: () => file })
        await readAll(opened, opened.read)
      },
    },
    {
      name: 'llama2.c',
      seeds: [llama2cFile()],
      expansion: 1,
      async read(file) {
        const opened = await openLlama2c(file)
        await readAll(opened, opened.read)
      },
    },
    { name: 'npy', seeds: npyFiles(), expansion: 2, read: async file => void readNpy(file) },
    {
      name: 'npz',
      seeds: [await writeNpz(ARRAYS), await writeNpz(ARRAYS, { compress: true })],
      expansion: 1100,
      async read(file) {
        const opened = await openNpz(file)
        await readAll(opened, name => opened.read(name))
        await readAll(opened, name => opened.read(name, { rows: [0, 1] }))
      },
    },
    {
      // A changed array would not match its checksum, so the archive is made around it.
      name: 'npz of a changed array',
      seeds: npyFiles(),
      expansion: 1100,
      async read(file) {
        const archive = await zipBytes([['a.npy', file]], { compress: file.length % 2 === 0 })
        const opened = await openNpz(archive)
        await readAll(opened, name => opened.read(name))
      },
    },
  ]
}

async function readEncoded(file: Uint8Array): Promise<void> {
  const opened = await openSafetensors(file)
  await readEach(weightNames(opened), async name => {
    weightInfo(opened, name)
    const weight = await loadWeight(opened, name)
    if (sizeOf(weight.dims) < MAX_DECODED && isEncoded(weight)) decode(weight)
  })
}
