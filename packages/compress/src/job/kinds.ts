import { coreKinds, type Encoding } from '@tersor/core-tensor'
import type { JobSettings } from './create-job.ts'

/** All kinds of encodings that a target of a job may have. */
export function kindsOf({
  settings: { kinds = [], methods },
}: {
  settings: Pick<JobSettings, 'kinds' | 'methods'>
}): readonly Encoding[] {
  return [...new Set([...coreKinds, ...kinds, ...methods.flatMap(method => method.kinds)])]
}
