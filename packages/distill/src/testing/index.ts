export { trainingCases } from './training-cases.ts'
