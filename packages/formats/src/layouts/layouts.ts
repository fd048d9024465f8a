import { aqlm } from './aqlm.ts'
import { awq } from './awq.ts'
import { bitnet } from './bitnet.ts'
import { bitsandbytes4bit, bitsandbytes8bit } from './bitsandbytes.ts'
import { floatQuantized } from './float-quantized.ts'
import { fp8Blocks, fp8Rows } from './fp8.ts'
import { gptOss } from './gpt-oss.ts'
import { gptq } from './gptq.ts'
import { hqq } from './hqq.ts'
import { intQuantized } from './int-quantized.ts'
import type { Layout } from './layout.ts'
import { mlx } from './mlx.ts'
import { modeloptNvfp4 } from './modelopt-nvfp4.ts'
import { mxfp4Packed, mxfp6Packed } from './mx-packed.ts'
import { mxfp8Quantized } from './mxfp8-quantized.ts'
import { nvfp4Packed } from './nvfp4-packed.ts'
import { packQuantized } from './pack-quantized.ts'
import { quanto8bit, quantoPacked } from './quanto.ts'
import { sparse24Bitmask, sparseBitmask } from './sparse-bitmask.ts'
import { torchao } from './torchao.ts'

/** All layouts; of those with one method and mark, each takes what the others leave. */
export const layouts: readonly Layout[] = [
  gptq,
  awq,
  packQuantized,
  intQuantized,
  floatQuantized,
  nvfp4Packed,
  mxfp4Packed,
  mxfp6Packed,
  mxfp8Quantized,
  sparse24Bitmask,
  sparseBitmask,
  fp8Blocks,
  fp8Rows,
  modeloptNvfp4,
  bitsandbytes4bit,
  bitsandbytes8bit,
  torchao,
  quanto8bit,
  quantoPacked,
  hqq,
  mlx,
  gptOss,
  bitnet,
  aqlm,
]
