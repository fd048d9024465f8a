import type { ModelFile } from '@tersor/models'

/** What an ONNX model computes, in JSON's terms. */
export interface GraphFacts {
  /** What wrote it, with its version; empty where the file does not say. */
  readonly producer: string
  readonly irVersion: number
  readonly opsets: readonly { readonly domain: string; readonly version: number }[]
  readonly nodes: number
  /** Most nodes first. */
  readonly operators: readonly { readonly operator: string; readonly nodes: number }[]
  readonly inputs: readonly ValueFacts[]
  readonly outputs: readonly ValueFacts[]
}

export interface ValueFacts {
  readonly name: string
  readonly type: string | null
  /** Names are dimensions that vary, null is one of which nothing is said; null as a whole where the rank is open. */
  readonly dims: readonly (number | string | null)[] | null
}

type Graph = NonNullable<ModelFile['graph']>

export function graphFacts({ producer, irVersion, opsets, operators, inputs, outputs }: Graph): GraphFacts {
  return {
    ...{ producer, irVersion },
    opsets: Array.from(opsets, ([domain, version]) => ({ domain, version })),
    nodes: [...operators.values()].reduce((sum, nodes) => sum + nodes, 0),
    operators: Array.from(operators, ([operator, nodes]) => ({ operator, nodes })),
    inputs: inputs.map(valueFacts),
    outputs: outputs.map(valueFacts),
  }
}

function valueFacts({ name, type, dims }: Graph['inputs'][number]): ValueFacts {
  return { name, type: type ?? null, dims: dims ?? null }
}
