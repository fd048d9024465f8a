export { type CholeskyOptions, cholesky } from './cholesky.ts'
export { inverseCholesky } from './inverse-cholesky.ts'
export { type SolveTriangularOptions, solveTriangular } from './solve-triangular.ts'
