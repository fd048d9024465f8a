// Factorisations and solvers of symmetric positive definite and triangular matrices (synchronous)
export { type CholeskyOptions, cholesky } from './cholesky.ts'
export { inverseCholesky } from './inverse-cholesky.ts'
// Orthogonal decompositions (jobs)
export { type LeastSquaresOptions, leastSquares } from './least-squares.ts'
export { qr } from './qr.ts'
export { type RandomizedSvdOptions, randomizedSvd } from './randomized-svd.ts'
export { type SolveTriangularOptions, solveTriangular } from './solve-triangular.ts'
export { type SvdOptions, svd } from './svd.ts'
export { symmetricEigen } from './symmetric-eigen.ts'
