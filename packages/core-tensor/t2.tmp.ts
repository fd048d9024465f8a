import { qr, svd, symmetricEigen } from '@tersor/core-tensor/linalg'
import { Tensor, Rng } from '@tersor/core-tensor'
const n=Number(process.env.N ?? 1024)
  const rng = new Rng(1)
  const x = new Tensor('float64', Array.from({length: n*n}, () => rng.normal()), [n, n])
for (let i=0;i<1;i++){  let t=performance.now()
  await symmetricEigen(x); console.log('eig', performance.now()-t); t=performance.now()
  await svd(x); console.log('svd', performance.now()-t)
  t=performance.now(); await qr(x); console.log('qr', performance.now()-t)}
