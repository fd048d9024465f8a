import type { KernelGroup } from './kernel-bench.ts'
import { decodeAttention } from './kernels/decode-attention.ts'
import { linearF32OneRow } from './kernels/linear-f32.ts'
import { linear4Cached, linear4ManyRows, linear4OneRow } from './kernels/linear4.ts'
import { matmulF32 } from './kernels/matmul.ts'
import { ransDecodeBench } from './kernels/rans-decode.ts'
import { softmaxBench, topKBench } from './kernels/rows.ts'

/** All kernels that are measured; those of one group share data, or are compared with each other. */
export const kernelGroups: readonly KernelGroup[] = [
  {
    names: ['linear4-1', 'linear4-1-int8', 'linear-f32-1'],
    make: outOfCache => [...linear4OneRow(outOfCache), linearF32OneRow(outOfCache)],
  },
  { names: ['linear4-1-cached'], make: () => [linear4Cached()] },
  { names: ['linear4-128', 'linear4-128-int8'], make: linear4ManyRows },
  { names: ['matmul-f32-1024'], make: () => [matmulF32('matmul-f32-1024', 1024, 1024, 1024)] },
  {
    names: ['matmul-f32-4096x128x352'],
    make: () => [matmulF32('matmul-f32-4096x128x352', 4096, 128, 352)],
  },
  {
    names: ['decode-attention-f32', 'decode-attention-8bit', 'decode-attention-4bit'],
    make: decodeAttention,
  },
  { names: ['rans-decode'], make: () => [ransDecodeBench()] },
  { names: ['softmax-65536'], make: () => [softmaxBench()] },
  { names: ['topk-64'], make: () => [topKBench()] },
]
