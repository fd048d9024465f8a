/** What went wrong, for programs; the message is for people. */
export type TersorErrorCode = 'SHAPE' | 'DTYPE' | 'FORMAT' | 'DEVICE' | 'NUMERICAL' | 'UNSUPPORTED' | 'FILE'

/**
 * The base of every error that Tersor throws on purpose. The message reads
 * `[where] what was expected, what was given; what to do`.
 */
export abstract class TersorError extends Error {
  abstract readonly code: TersorErrorCode
  /** Written out in each class: minifiers rename classes. */
  abstract override get name(): string
}

/** Dimensions, lengths or options that contradict each other. */
export class ShapeError extends TersorError {
  readonly code = 'SHAPE'
  override get name() {
    return 'ShapeError'
  }
}

/** An element type that the operation does not take. */
export class DTypeError extends TersorError {
  readonly code = 'DTYPE'
  override get name() {
    return 'DTypeError'
  }
}

/** A file or an encoded tensor that is malformed or hostile. */
export class FormatError extends TersorError {
  readonly code = 'FORMAT'
  override get name() {
    return 'FormatError'
  }
}

/** A tensor on the wrong device, freed memory, or a device that is gone. */
export class DeviceError extends TersorError {
  readonly code = 'DEVICE'
  override get name() {
    return 'DeviceError'
  }
}

/** Arithmetic that has no useful answer, such as a factorisation of an indefinite matrix. */
export class NumericalError extends TersorError {
  readonly code = 'NUMERICAL'
  override get name() {
    return 'NumericalError'
  }
}

/** Something valid that this device or package does not offer. */
export class UnsupportedError extends TersorError {
  readonly code = 'UNSUPPORTED'
  override get name() {
    return 'UnsupportedError'
  }
}

/** A file that cannot be written, or that must not be replaced. */
export class FileError extends TersorError {
  readonly code = 'FILE'
  override get name() {
    return 'FileError'
  }
}
