import type { TensorSize } from '@tersor/eval'
import { onlyPositional } from '../command/arguments.ts'
import { command, type Terminal } from '../command/command.ts'
import { factsText } from '../inspection/facts-text.ts'
import { modelFacts } from '../inspection/model-facts.ts'
import { cacheFlag, environmentHelp, openGiven } from '../model-source.ts'
import { storedSizes } from '../stored-sizes.ts'
import { printable } from '../terminal/printable.ts'
import { bytesText, table } from '../terminal/table.ts'

/** `tersor inspect`: what a file holds, and what it takes to run it. */
export const inspect = command({
  usage: 'FILE',
  summary: 'lists every weight with its exact bytes; says what the model is, and whether it can be run',
  about: `Lists what a model file holds: every weight with its shape, encoding and exact bytes. Then it says what the model is: family, parameters, types, layers, context, tokenizer, the memory that it needs, and if it cannot be run, why. No weight is read. ${environmentHelp}`,
  flags: () => ({ cache: cacheFlag }),
  run: ({ values, positionals }, terminal) =>
    list(onlyPositional(positionals, 'a model file'), values, terminal),
})

async function list(
  given: string,
  { json, cache }: { readonly json?: boolean; readonly cache?: string },
  terminal: Terminal,
): Promise<void> {
  const { out } = terminal
  const file = await openGiven(given, { json, cache }, terminal)
  try {
    const sizes = [...storedSizes(file)]
    const facts = await modelFacts(file, sizes)
    const elements = facts.parameters
    const bytes = facts.memory.weights
    const bitsPerWeight = elements === 0 ? 0 : (8 * bytes) / elements
    if (json === true) {
      const total = { elements, bytes, fileBytes: file.fileBytes, bitsPerWeight }
      const ignored = file.elsewhere.length
      const said = { config: file.config ?? null, ...facts, ignored, ...total, tensors: sizes }
      out.write(`${JSON.stringify(said)}\n`)
      return
    }
    out.write(weightTable(sizes))
    out.write(
      `\n${elements} weights in ${bytes} bytes (${bitsPerWeight.toFixed(3)} bits each); the file takes ${bytesText(file.fileBytes)}\n\n`,
    )
    out.write(factsText(facts).split('\n').map(printable).join('\n'))
    if (file.elsewhere.length > 0) {
      out.write(
        `\n${file.elsewhere.length} tensors of what sees and hears are ignored, such as '${printable(file.elsewhere[0]!)}'\n`,
      )
    }
    if (facts.problem !== null) out.write(`\nit cannot be run: ${printable(facts.problem)}\n`)
  } finally {
    await file.close()
  }
}

function weightTable(sizes: readonly TensorSize[]): string {
  const rows = sizes.map(({ name, dims, encoding, bitsPerWeight, bytes }) => [
    ...[name, `[${dims.join(', ')}]`, encoding],
    ...[bitsPerWeight.toFixed(3), String(bytes)],
  ])
  return table(['weight', 'shape', 'encoding', 'bits/weight', 'bytes'], rows)
}
