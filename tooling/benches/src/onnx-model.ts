import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'

const dataTypes = {
  float32: TensorProto_DataType.FLOAT,
  uint8: TensorProto_DataType.UINT8,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
} as const

export interface OnnxValue {
  readonly type: keyof typeof dataTypes
  readonly dims: readonly number[]
}

export interface OnnxConstant extends OnnxValue {
  readonly data: ArrayBufferView<ArrayBuffer>
}

export interface OnnxNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Of ONNX Runtime's own operators, `com.microsoft`; ONNX's without. */
  readonly domain?: string | undefined
  /** Integers as bigint, floats as number. */
  readonly attributes?: Readonly<Record<string, bigint | number>> | undefined
}

export interface OnnxGraph {
  readonly inputs: Readonly<Record<string, OnnxValue>>
  readonly outputs: Readonly<Record<string, OnnxValue>>
  readonly constants?: Readonly<Record<string, OnnxConstant>> | undefined
  readonly nodes: readonly OnnxNode[]
}

/** The bytes of an ONNX model, for sessions that take their model from memory. */
export function onnxModel(graph: OnnxGraph): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [
        create(OperatorSetIdProtoSchema, { domain: '', version: 21n }),
        create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
      ],
      graph: create(GraphProtoSchema, {
        name: 'bench',
        input: Object.entries(graph.inputs).map(valueInfo),
        output: Object.entries(graph.outputs).map(valueInfo),
        initializer: Object.entries(graph.constants ?? {}).map(([name, { type, dims, data }]) =>
          create(TensorProtoSchema, {
            name,
            dataType: dataTypes[type],
            dims: dims.map(BigInt),
            rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
          }),
        ),
        node: graph.nodes.map(node),
      }),
    }),
  )
}

function valueInfo([name, { type, dims }]: [string, OnnxValue]) {
  const shape = create(TensorShapeProtoSchema, {
    dim: dims.map(dim =>
      create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(dim) } }),
    ),
  })
  const tensor = create(TypeProto_TensorSchema, { elemType: dataTypes[type], shape })
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  })
}

function node({ op, domain = '', inputs, outputs, attributes = {} }: OnnxNode) {
  return create(NodeProtoSchema, {
    opType: op,
    domain,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) =>
      create(
        AttributeProtoSchema,
        typeof value === 'bigint'
          ? { name, type: AttributeProto_AttributeType.INT, i: value }
          : { name, type: AttributeProto_AttributeType.FLOAT, f: value },
      ),
    ),
  })
}
