import { verifyModel } from '@tersor/compress'
import { onlyPositional } from '../command/arguments.ts'
import { command } from '../command/command.ts'
import { Finding } from '../command/failure.ts'
import { kinds } from '../method-lists.ts'
import { modelPath } from '../model-path.ts'

/** `tersor verify`: whether a compressed model is what its manifest says. */
export const verify = command({
  usage: 'FILE',
  summary: 'compares a compressed model with the manifest that was written with it',
  about:
    'Compares a model that tersor compress wrote with its manifest: the hash of the file, that of every tensor, and whether each can be decoded.',
  flags: () => ({}),
  async run({ values, positionals }, { out }) {
    const path = modelPath(onlyPositional(positionals, 'a model file'))
    const { ok, ...report } = await verifyModel(path, { kinds })
    const wrong = report.tensors.flatMap(({ name, problem }) =>
      problem === undefined ? [] : [`'${name}': ${problem}`],
    )
    if (!ok) throw new Finding('DIFFERS', `${path}: ${[...report.problems, ...wrong].join('; ')}`, report)
    const count = report.tensors.length
    out.write(
      values.json === true
        ? `${JSON.stringify(report)}\n`
        : `${path}: ${count} tensors as they were written\n`,
    )
  },
})
