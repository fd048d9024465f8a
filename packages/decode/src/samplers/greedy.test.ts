import { describeSampler } from '../testing/describe-sampler.ts'
import { greedy } from './greedy.ts'

describeSampler('greedy', {
  sampler: greedy(),
  probabilities: scores => scores.map((_, i) => (i === scores.indexOf(Math.max(...scores)) ? 1 : 0)),
})
