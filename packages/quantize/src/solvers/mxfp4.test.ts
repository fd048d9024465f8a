import { describeWeightMethod } from '@tersor/core-tensor/testing'
import { mxfp4Method } from './mxfp4.ts'

describeWeightMethod(mxfp4Method, [{ bitsPerWeight: 4.705, loses: [0.012, 0.017] }])
