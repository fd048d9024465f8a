// ONNX

export type { OnnxGraph, OnnxValue } from './describe-graph.ts'
export { type OnnxFile, type OpenOnnxOptions, openOnnx } from './open-onnx.ts'
export type { OnnxInfo } from './place-tensor.ts'
