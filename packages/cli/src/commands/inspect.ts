import { sizeReport } from '@tersor/eval'
import { openModel } from '@tersor/models'
import { onlyPositional, parseArguments } from '../arguments.ts'
import { modelPath } from '../model-path.ts'
import type { Streams } from '../run.ts'
import { bytesText, table } from '../terminal/table.ts'

const HELP = `tersor inspect FILE [--json]

Lists what a model file holds: every weight with its shape, encoding and exact bytes.
`

/** `tersor inspect`: what a file holds. */
export async function inspect(args: readonly string[], { out }: Streams): Promise<void> {
  const { values, positionals } = parseArguments(args, {
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (values.help) return void out.write(HELP)
  const file = await openModel(modelPath(onlyPositional(positionals, 'a model file')))
  try {
    const sizes = []
    for (const name of file.names) {
      const { tensors } = sizeReport([[name, await file.load(name)]])
      sizes.push(...tensors)
    }
    const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0)
    const elements = sizes.reduce((sum, size) => sum + size.elements, 0)
    const total = {
      elements,
      bytes,
      fileBytes: file.fileBytes,
      bitsPerWeight: elements === 0 ? 0 : (8 * bytes) / elements,
    }
    if (values.json) {
      out.write(`${JSON.stringify({ config: file.config ?? null, ...total, tensors: sizes })}\n`)
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
  } finally {
    await file.close()
  }
}
