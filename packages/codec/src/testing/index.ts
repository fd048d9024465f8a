export { codingCases } from './coding-cases.ts'
