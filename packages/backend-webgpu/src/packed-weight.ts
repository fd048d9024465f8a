import type { Encoded } from '@tersor/core-tensor'
export const packWeight = (w: Encoded): Encoded => w
export const unpackWeight = (w: Encoded): Encoded => w
