import type { ModelProto, TypeProto, ValueInfoProto } from 'onnx-buf'
import { onnxType } from './onnx-types.ts'

/** What enters or leaves a model. */
export interface OnnxValue {
  readonly name: string
  /** As {@link OnnxInfo.onnxType}, or what else there is: `sequence`, `map`, `optional`; undefined where the file does not say. */
  readonly type: string | undefined
  /** Numbers, the names of dimensions that vary, and null where nothing is said; undefined where the rank is open too. */
  readonly dims: readonly (number | string | null)[] | undefined
}

/** What an ONNX model computes, in short. */
export interface OnnxGraph {
  readonly irVersion: number
  /** What wrote it, with its version: `pytorch 2.4.0`; empty where the file does not say. */
  readonly producer: string
  /** Versions of sets of operators, by their domains: ONNX's own is `ai.onnx`. */
  readonly opsets: ReadonlyMap<string, number>
  /** Without those that have an initializer. */
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  /** How many nodes of each operator there are, nested graphs and functions included, most first. */
  readonly operators: ReadonlyMap<string, number>
}

const ONNX_DOMAIN = 'ai.onnx'

/** Says in short what a model computes. */
export function describeGraph(model: ModelProto): OnnxGraph {
  const { graph, irVersion, producerName, producerVersion, opsetImport } = model
  const initialized = new Set(graph?.initializer.map(({ name }) => name))
  return {
    irVersion: Number(irVersion),
    producer: [producerName, producerVersion].filter(part => part !== '').join(' '),
    opsets: new Map(opsetImport.map(({ domain, version }) => [domain || ONNX_DOMAIN, Number(version)])),
    inputs: (graph?.input ?? []).filter(({ name }) => !initialized.has(name)).map(described),
    outputs: (graph?.output ?? []).map(described),
    operators: operatorsOf(model),
  }
}

function described({ name, type }: ValueInfoProto): OnnxValue {
  const { case: kind, value } = type?.value ?? {}
  if (kind !== 'tensorType' && kind !== 'sparseTensorType') {
    return { name, type: kind?.replace(/Type$/, ''), dims: undefined }
  }
  const { elemType, shape } = value as Shaped
  const spelled = onnxType(elemType)?.name ?? `type ${elemType}`
  return {
    name,
    type: kind === 'tensorType' ? spelled : `sparse ${spelled}`,
    dims: shape?.dim.map(({ value: dim }) =>
      dim.case === 'dimValue'
        ? Number(dim.value)
        : dim.case === 'dimParam' && dim.value !== ''
          ? dim.value
          : null,
    ),
  }
}

/** Tensors and sparse tensors have an element type and a shape. */
type Shaped = Extract<TypeProto['value'], { case: 'tensorType' | 'sparseTensorType' }>['value']

function operatorsOf({ graph, functions, trainingInfo }: ModelProto): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  const graphs = [graph, ...functions, ...trainingInfo.flatMap(one => [one.initialization, one.algorithm])]
  for (let at = 0; at < graphs.length; at++) {
    for (const { opType, domain, attribute } of graphs[at]?.node ?? []) {
      const name = domain === '' || domain === ONNX_DOMAIN ? opType : `${domain}.${opType}`
      counts.set(name, (counts.get(name) ?? 0) + 1)
      for (const { g, graphs: more } of attribute) graphs.push(...(g === undefined ? [] : [g]), ...more)
    }
  }
  return new Map([...counts].sort(([, a], [, b]) => b - a))
}
