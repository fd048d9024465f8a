import type { CoreKernels } from '@tersor/core-tensor'
import { linearStored } from '../linear-stored.ts'

export const linearCodebook: CoreKernels['linearCodebook'] = linearStored
