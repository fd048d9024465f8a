/** A dimension larger than any model has; a bound for configurations from strangers. */
export const MAX_DIMENSION = 1 << 24
/** More layers than any model has, as each has weights of its own; likewise a bound. */
export const MAX_LAYERS = 1 << 12
/** More heads than any model has in a layer; likewise. */
export const MAX_HEADS = 1 << 12
/** Larger than any head, as each of its pairs has a frequency; likewise. */
export const MAX_HEAD_DIM = 1 << 14
/** More experts than any model has in a block; likewise. */
export const MAX_EXPERTS = 1 << 12
/** More experts than any model has in all of its blocks, as each has weights of its own; likewise. */
export const MAX_ALL_EXPERTS = 1 << 16
