import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProtoSchema,
} from 'onnx-buf'

type Graph = MessageInitShape<typeof GraphProtoSchema>
type Model = Exclude<MessageInitShape<typeof ModelProtoSchema>, { $typeName: string }>

/** An ONNX file of a graph. */
export function onnxBytes(graph: Graph, more: Model = {}): Uint8Array {
  const opsetImport = [{ domain: '', version: 21n }]
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, opsetImport, graph, ...more }))
}

/** A node whose attributes are tensors and graphs. */
export function onnxNode(
  opType: string,
  output: string,
  attributes: Record<string, { t: MessageInitShape<typeof TensorProtoSchema> } | { g: Graph }>,
) {
  return create(NodeProtoSchema, {
    ...{ opType, output: [output] },
    attribute: Object.entries(attributes).map(([name, value]) => {
      const type = 't' in value ? AttributeProto_AttributeType.TENSOR : AttributeProto_AttributeType.GRAPH
      return create(AttributeProtoSchema, { name, type, ...value })
    }),
  })
}
