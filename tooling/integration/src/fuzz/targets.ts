import { formatTargets } from './format-targets.ts'
import { layoutTargets } from './layout-targets.ts'
import { modelTargets } from './model-targets.ts'
import type { FuzzTarget } from './target.ts'

/** All readers, with files made here and, where ../shared/data is, with real ones. */
export async function fuzzTargets(): Promise<readonly FuzzTarget[]> {
  return [...(await formatTargets()), ...modelTargets(), ...layoutTargets()]
}
