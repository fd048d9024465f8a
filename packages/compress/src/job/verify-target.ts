import { kindsOf } from './kinds.ts'
import { type Verification, verifyModel } from './verify-model.ts'
import type { Work } from './work.ts'

/** Verifies what a job wrote, with all kinds that its methods write. */
export function verifyTarget(work: Work): Promise<Verification> {
  return verifyModel(work.target.path, { kinds: kindsOf(work) })
}
