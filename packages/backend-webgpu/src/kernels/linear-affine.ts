import type { CoreKernels } from '@tersor/core-tensor'
import { linearStored } from '../linear-stored.ts'

export const linearAffine: CoreKernels['linearAffine'] = linearStored
