import { reference } from '@tersor/core-tensor'
import { describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { trainingCases } from './testing/training-cases.ts'

describe('reference', () => describeDevice(() => reference, [trainingCases]))
