import { FormatError } from '@tersor/core-tensor'
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
} from 'onnx-buf'
import { quoted } from '../quoted.ts'

const WHERE = 'formats/onnx'

/** Characters of all names: those of nested graphs hold the names around them. */
const MAX_NAMES_LENGTH = 2 ** 26

/** A tensor of a model, dense or sparse. */
export type ListedTensor = TensorProto | SparseTensorProto

/**
 * All tensors of a model by name, in the order of the file.
 *
 * * Initializers have their own names.
 * * What a `Constant` node gives has the name of the node's output.
 * * Other attributes are `OUTPUT/ATTRIBUTE`, by the first output of their node, with `/INDEX` where they are lists.
 * * In the graph of an attribute, as of `If` and `Loop`, all of these follow `OUTPUT/ATTRIBUTE/`; in a function
 *   `DOMAIN.NAME/`; in what trains the model `training/INDEX/algorithm/` and `training/INDEX/initialization/`.
 *
 * @throws {FormatError} when two have the same name
 */
export function listTensors(model: ModelProto): ReadonlyMap<string, ListedTensor> {
  const list = new TensorList()
  if (model.graph !== undefined) list.graph(model.graph, '')
  for (const [i, { initialization, algorithm }] of model.trainingInfo.entries()) {
    if (initialization !== undefined) list.graph(initialization, `training/${i}/initialization/`)
    if (algorithm !== undefined) list.graph(algorithm, `training/${i}/algorithm/`)
  }
  for (const fn of model.functions) list.function(fn)
  return list.tensors
}

class TensorList {
  readonly tensors = new Map<string, ListedTensor>()
  #length = 0

  graph({ node, initializer, sparseInitializer }: GraphProto, prefix: string): void {
    for (const one of node) this.#node(one, prefix)
    for (const tensor of initializer) this.#add(prefix + tensor.name, tensor)
    for (const tensor of sparseInitializer) this.#add(prefix + (tensor.values?.name ?? ''), tensor)
  }

  function({ domain, name, overload, node, attributeProto }: FunctionProto): void {
    const prefix = `${[domain, name, overload].filter(part => part !== '').join('.')}/`
    for (const attribute of attributeProto) this.#attribute(attribute, prefix + attribute.name)
    for (const one of node) this.#node(one, prefix)
  }

  #node({ opType, output, name, attribute }: NodeProto, prefix: string): void {
    // Outputs are unique in a graph, the names of nodes need not be.
    const own = prefix + (output.find(one => one !== '') ?? name)
    for (const one of attribute) {
      const isConstant = opType === 'Constant' && (one.name === 'value' || one.name === 'sparse_value')
      this.#attribute(one, isConstant ? own : `${own}/${one.name}`)
    }
  }

  #attribute({ t, g, sparseTensor, tensors, graphs, sparseTensors }: AttributeProto, name: string): void {
    if (t !== undefined) this.#add(name, t)
    if (sparseTensor !== undefined) this.#add(name, sparseTensor)
    if (g !== undefined) this.graph(g, `${name}/`)
    for (const [i, tensor] of [...tensors, ...sparseTensors].entries()) this.#add(`${name}/${i}`, tensor)
    for (const [i, graph] of graphs.entries()) this.graph(graph, `${name}/${i}/`)
  }

  #add(name: string, tensor: ListedTensor): void {
    if (this.tensors.has(name))
      throw new FormatError(`[${WHERE}] expected each tensor once, got ${quoted(name)} twice`)
    this.#length += name.length
    if (this.#length > MAX_NAMES_LENGTH) {
      throw new FormatError(
        `[${WHERE}] expected names of at most ${MAX_NAMES_LENGTH} characters together, got more; shorten the names of nodes`,
      )
    }
    this.tensors.set(name, tensor)
  }
}
