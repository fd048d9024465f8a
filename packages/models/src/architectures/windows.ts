import type { Fields } from './fields.ts'
import type { LayerType, Shape } from './shape.ts'

/** A window that a key says: null is none, a missing key what the reference takes. */
export function windowOf(read: Fields, missing: number | undefined): number | undefined {
  return read.has('sliding_window') ? read.optional('sliding_window') : missing
}

/** Every n-th layer is full, the others slide. */
export function everyNth(layers: number, n: number): LayerType[] {
  return Array.from({ length: layers }, (_, layer) => ((layer + 1) % n === 0 ? 'full' : 'sliding'))
}

/** The types of layers that a file lists, or that a family has where it does not. */
export function typesOf({ layerTypes, layers }: Shape, missing: readonly LayerType[]): readonly LayerType[] {
  return layerTypes ?? missing.slice(0, layers)
}
