import type { Architecture } from './architecture.ts'
import { bert, xlmRoberta } from './bert.ts'
import { bloom } from './bloom.ts'
import { cohere } from './cohere.ts'
import { exaone4 } from './exaone4.ts'
import { falcon } from './falcon.ts'
import { gemma, gemma2, gemma3 } from './gemma.ts'
import { gemma3n } from './gemma3n.ts'
import { gemma4 } from './gemma4.ts'
import { glm4 } from './glm4.ts'
import { gptNeox } from './gpt-neox.ts'
import { gptOss } from './gpt-oss.ts'
import { gpt2 } from './gpt2.ts'
import { granite, graniteMoe } from './granite.ts'
import { lfm2 } from './lfm2.ts'
import { llama } from './llama.ts'
import { mistral } from './mistral.ts'
import { mixtral } from './mixtral.ts'
import { nemotron } from './nemotron.ts'
import { olmo2 } from './olmo2.ts'
import { phi } from './phi.ts'
import { phi3 } from './phi3.ts'
import { qwen2, qwen2Moe, qwen3, qwen3Moe } from './qwen.ts'
import { qwen35 } from './qwen3-5.ts'
import { smollm3 } from './smollm3.ts'
import { stablelm } from './stablelm.ts'
import { starcoder2 } from './starcoder2.ts'

/** Every family that models are read as. */
export const architectures: readonly Architecture[] = [
  llama,
  mixtral,
  mistral,
  qwen2,
  qwen2Moe,
  qwen3,
  qwen3Moe,
  smollm3,
  gemma,
  gemma2,
  gemma3,
  phi,
  phi3,
  gpt2,
  gptNeox,
  bloom,
  falcon,
  stablelm,
  starcoder2,
  olmo2,
  exaone4,
  granite,
  graniteMoe,
  cohere,
  glm4,
  nemotron,
  gptOss,
  lfm2,
  qwen35,
  gemma4,
  gemma3n,
  bert,
  xlmRoberta,
]
