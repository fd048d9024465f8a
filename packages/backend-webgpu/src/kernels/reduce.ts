import { aroundAxis, type CoreKernels, type ReduceOp } from '@tersor/core-tensor'
import { requireOneOf } from '@tersor/core-tensor/host'
import { output } from '../output.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { fold } from '../wgsl/group.ts'

/** A step of a thread, and how the results of threads join. */
const steps: Record<ReduceOp, readonly [step: string, join: 'add' | 'max']> = {
  sum: ['a + b', 'add'],
  sumSquares: ['a + rounded(b * b)', 'add'],
  max: ['max(a, b)', 'max'],
  absMax: ['max(a, abs(b))', 'max'],
}

/** From so many columns on, neighbouring threads read neighbouring columns. */
const WIDE = 32

export const reduce: CoreKernels['reduce'] = (op, x, options) => {
  requireOneOf('reduce', 'an operation', op, Object.keys(steps))
  const { outer, length, inner, axis } = aroundAxis(x.dims, options.axis, 'reduce')
  const dims = x.dims.filter((_, i) => i !== axis)
  const [step, join] = steps[op]
  // One thread a result, in order; or a group each.
  const alone = options.order === 'sequential' || inner >= WIDE || length <= 8
  const results = outer * inner
  return output('reduce', 'float32', x, dims, options, (y, accumulate) =>
    webGpuOf(x).run({
      name: 'reduce',
      variant: `${op},${alone},${accumulate}`,
      inputs: { x },
      outputs: { y },
      params: { count: results, stride: length, inner },
      groups: alone ? Math.ceil(results / 64) : results,
      code: card => ({
        globals: alone ? '' : fold(card, 'join', 64, join),
        main: /* wgsl */ `
  ${
    alone
      ? `let i = group * 64u + thread;
  if (i >= p.count) { return; }`
      : 'let i = group;'
  }
  // The greatest of nothing is −∞.
  var a = ${op === 'max' ? 'bitcast<f32>(0xff800000u | p.zero)' : '0.0'};
  for (var k = ${alone ? '0u' : 'thread'}; k < p.stride; k += ${alone ? '1u' : '64u'}) {
    let b = f32(x(((i / p.inner) * p.stride + k) * p.inner + i % p.inner));
    a = ${step};
  }
  ${alone ? '' : 'a = join(a, thread);\n  if (thread != 0u) { return; }'}
  set_y(i, ${accumulate ? 'y(i) + a' : 'a'});`,
      }),
    }),
  )
}
