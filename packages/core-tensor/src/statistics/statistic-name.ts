/** What calibration can gather of the activations that enter a layer; each name is that of a value. */
export type StatisticName = 'gram' | 'absMax' | 'meanAbs' | 'meanSquare' | 'inputs'
