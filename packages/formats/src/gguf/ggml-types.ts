import type { DType } from '@tersor/core-tensor'
import type { BlockType } from './blocks/block-type.ts'
import { iq4_nl } from './blocks/iq4_nl.ts'
import { iq4_xs } from './blocks/iq4_xs.ts'
import { mxfp4 } from './blocks/mxfp4.ts'
import { q2_K } from './blocks/q2_K.ts'
import { q3_K } from './blocks/q3_K.ts'
import { q4_0 } from './blocks/q4_0.ts'
import { q4_1 } from './blocks/q4_1.ts'
import { q4_K } from './blocks/q4_K.ts'
import { q5_0 } from './blocks/q5_0.ts'
import { q5_1 } from './blocks/q5_1.ts'
import { q5_K } from './blocks/q5_K.ts'
import { q6_K } from './blocks/q6_K.ts'
import { q8_0 } from './blocks/q8_0.ts'
import { tq1_0 } from './blocks/tq1_0.ts'
import { tq2_0 } from './blocks/tq2_0.ts'

/** How a tensor of a GGUF file is stored, and what becomes of it. */
export type GgmlType = GgmlBlocks | OfUnknownSize

export interface GgmlBlocks {
  /** As ggml spells it. */
  readonly name: string
  /** Elements of a row that are stored together; a row has a whole number of blocks. */
  readonly blockElements: number
  readonly blockBytes: number
  /** The dtype that reading gives; undefined where Tersor cannot read it. */
  readonly type: DType | undefined
  /** Undefined where the elements are stored as they are, and so is `part`. */
  readonly decode?: BlockType['decode'] | undefined
  readonly part?: BlockType['part'] | undefined
}

/** One that files have and this table does not know the blocks of: listed with the bytes up to the next tensor. */
interface OfUnknownSize {
  readonly name: string
  readonly type: undefined
  readonly blockElements?: undefined
  readonly blockBytes?: undefined
  readonly decode?: undefined
  readonly part?: undefined
}

/** The type of a number, be it as new as it may. */
export function ggmlTypeOf(number: number): GgmlType {
  // llama.cpp's q2_0 has groups of 64, and that of forks which had the number first groups of 128.
  const name = number === 42 ? 'q2_0' : `type ${number}`
  return ggmlTypes.get(number) ?? { name, type: undefined }
}

/** By the number that a file has for it (`enum ggml_type`). */
export const ggmlTypes: ReadonlyMap<number, GgmlBlocks> = /* @__PURE__ */ (() =>
  new Map([
    [0, native('f32', 'float32', 4)],
    [1, native('f16', 'float16', 2)],
    [2, blocks(q4_0)],
    [3, blocks(q4_1)],
    [6, blocks(q5_0)],
    [7, blocks(q5_1)],
    [8, blocks(q8_0)],
    [9, unread('q8_1', 32, 36)],
    [10, blocks(q2_K)],
    [11, blocks(q3_K)],
    [12, blocks(q4_K)],
    [13, blocks(q5_K)],
    [14, blocks(q6_K)],
    [15, unread('q8_K', 256, 292)],
    [16, unread('iq2_xxs', 256, 66)],
    [17, unread('iq2_xs', 256, 74)],
    [18, unread('iq3_xxs', 256, 98)],
    [19, unread('iq1_s', 256, 50)],
    [20, blocks(iq4_nl)],
    [21, unread('iq3_s', 256, 110)],
    [22, unread('iq2_s', 256, 82)],
    [23, blocks(iq4_xs)],
    [24, native('i8', 'int8', 1)],
    [25, native('i16', 'int16', 2)],
    [26, native('i32', 'int32', 4)],
    [27, native('i64', 'int64', 8)],
    [28, native('f64', 'float64', 8)],
    [29, unread('iq1_m', 256, 56)],
    [30, native('bf16', 'bfloat16', 2)],
    // q4_0 and iq4_nl in the order that some processors liked; gone since.
    [31, unread('q4_0_4_4', 32, 18)],
    [32, unread('q4_0_4_8', 32, 18)],
    [33, unread('q4_0_8_8', 32, 18)],
    [34, blocks(tq1_0)],
    [35, blocks(tq2_0)],
    [36, unread('iq4_nl_4_4', 32, 18)],
    [37, unread('iq4_nl_4_8', 32, 18)],
    [38, unread('iq4_nl_8_8', 32, 18)],
    [39, blocks(mxfp4)],
    [40, unread('nvfp4', 64, 36)],
    [41, unread('q1_0', 128, 18)],
  ]))()

function native(name: string, type: DType, bytes: number): GgmlBlocks {
  return { name, type, blockElements: 1, blockBytes: bytes }
}

function blocks({ name, elements, bytes, decode, part }: BlockType): GgmlBlocks {
  return { name, type: 'float32', blockElements: elements, blockBytes: bytes, decode, part }
}

/** Known, so that the file can be opened and its other tensors read. */
function unread(name: string, elements: number, bytes: number): GgmlBlocks {
  return { name, type: undefined, blockElements: elements, blockBytes: bytes }
}
