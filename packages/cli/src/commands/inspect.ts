import type { TensorSize } from '@tersor/eval'
import { openModel } from '@tersor/models'
import { onlyPositional } from '../command/arguments.ts'
import { command, type Terminal } from '../command/command.ts'
import { kinds } from '../method-lists.ts'
import { modelPath } from '../model-path.ts'
import { storedSizes } from '../stored-sizes.ts'
import { bytesText, table } from '../terminal/table.ts'

/** `tersor inspect`: what a file holds. */
export const inspect = command({
  usage: 'FILE',
  summary: 'lists every weight with its shape, encoding and exact bytes',
  about: 'Lists what a model file holds: every weight with its shape, encoding and exact bytes.',
  flags: () => ({}),
  run: ({ values, positionals }, terminal) =>
    list(onlyPositional(positionals, 'a model file'), values.json === true, terminal),
})

async function list(path: string, json: boolean, { out, signal }: Terminal): Promise<void> {
  const file = await openModel(modelPath(path), { kinds, signal })
  try {
    const sizes: TensorSize[] = []
    for await (const size of storedSizes(file)) {
      signal.throwIfAborted()
      sizes.push(size)
    }
    const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0)
    const elements = sizes.reduce((sum, size) => sum + size.elements, 0)
    const total = {
      elements,
      bytes,
      fileBytes: file.fileBytes,
      bitsPerWeight: elements === 0 ? 0 : (8 * bytes) / elements,
    }
    if (json) {
      out.write(
        `${JSON.stringify({ config: file.config ?? null, quantizedBy: file.quantizedBy ?? null, ...total, tensors: sizes })}\n`,
      )
      return
    }
    const rows = sizes.map(size => [
      size.name,
      `[${size.dims.join(', ')}]`,
      size.encoding,
      size.bitsPerWeight.toFixed(3),
      String(size.bytes),
    ])
    out.write(table(['weight', 'shape', 'encoding', 'bits/weight', 'bytes'], rows))
    out.write(
      `\n${elements} weights in ${bytes} bytes (${total.bitsPerWeight.toFixed(3)} bits each); the file takes ${bytesText(file.fileBytes)}\n`,
    )
    if (file.quantizedBy !== undefined)
      out.write(
        `quantized by another program (${file.quantizedBy}), whose scales are not read: it cannot be run\n`,
      )
  } finally {
    await file.close()
  }
}
