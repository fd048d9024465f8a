import { TersorError } from '@tersor/core-tensor'
import type { TensorSize } from '@tersor/eval'
import { checkModel, type ModelFile, openModel } from '@tersor/models'
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
    const problem = problemOf(file)
    if (json) {
      out.write(
        `${JSON.stringify({ config: file.config ?? null, quantizedBy: file.quantizedBy ?? null, ignored: file.elsewhere.length, problem: problem ?? null, ...total, tensors: sizes })}\n`,
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
    if (file.elsewhere.length > 0) {
      out.write(
        `${file.elsewhere.length} tensors of what sees and hears are ignored, such as '${file.elsewhere[0]}'\n`,
      )
    }
    if (problem !== undefined) out.write(`it cannot be run: ${problem}\n`)
  } finally {
    await file.close()
  }
}

/** Why a model can be looked into only, in words. */
function problemOf(file: ModelFile): string | undefined {
  try {
    checkModel(file)
    return undefined
  } catch (error) {
    if (error instanceof TersorError) return error.message
    throw error
  }
}
