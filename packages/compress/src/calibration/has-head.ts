import type { LayeredLM, LayeredModel } from '@tersor/core-tensor'

/** Whether a model predicts tokens; an encoder has no head to calibrate. */
export function hasHead(model: LayeredModel): model is LayeredLM {
  return 'headWeight' in model
}
