import { servedModels } from '@tersor/models/testing'
import { describeServed } from './testing/describe-served.ts'

// A test file takes 15 s at most, so they are two.
for (const model of servedModels.filter(({ folder }) => folder < 'h')) describeServed(model, 'safetensors')
